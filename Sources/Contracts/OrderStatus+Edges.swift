extension OrderStatus {
    /// The statuses that may follow this one directly (promise S6); a test compares them with the state machine.
    public var successors: [OrderStatus] {
        switch self {
        case .created: [.reserved, .cancelling, .cancelled]
        case .reserved: [.paid, .cancelling, .failed]
        case .paid: [.shipped, .cancelling]
        case .shipped: [.delivered]
        case .cancelling: [.cancelled]
        case .delivered, .cancelled, .failed: []
        }
    }

    /// The type of the event that every change to this status is told with.
    public var eventType: String {
        switch self {
        case .created: OrderCreated.type
        case .reserved: OrderReserved.type
        case .paid: OrderConfirmed.type
        case .shipped: OrderShipped.type
        case .delivered: OrderDelivered.type
        case .cancelling: OrderCancellationRequested.type
        case .cancelled: OrderCancelled.type
        case .failed: OrderFailed.type
        }
    }
}
