import Contracts
import Wire

extension OrderState.Input {
    /// What an event of another service means to an order; nil for events that mean nothing to it.
    public init?(_ event: any Event) {
        switch event {
        case is InventoryReserved: self = .stockReserved
        case is InventoryInsufficient: self = .stockInsufficient
        case is InventoryReleased: self = .stockReleased
        case is PaymentProcessed: self = .paymentProcessed
        case is PaymentFailed: self = .paymentFailed
        case is PaymentVoided, is PaymentRefunded: self = .paymentUndone
        default: return nil
        }
    }
}

extension Order {
    /// The one event that tells of a change of status.
    /// - Parameter isPaidOffline: whether an operator recorded a payment made elsewhere.
    func event(of change: StatusChange, isPaidOffline: Bool) -> any OrderStatusEvent {
        switch change.new {
        case .created, .reserved: OrderReserved(change: change)
        case .paid: OrderConfirmed(change: change, customerID: customerID, total: total, isPaidOffline: isPaidOffline)
        case .shipped: OrderShipped(change: change, customerID: customerID)
        case .delivered: OrderDelivered(change: change, customerID: customerID)
        case .cancelling: OrderCancellationRequested(change: change, reason: reason ?? "unknown")
        case .cancelled: OrderCancelled(change: change, customerID: customerID, reason: reason ?? "unknown")
        case .failed: OrderFailed(change: change, customerID: customerID, reason: reason ?? "unknown")
        }
    }
}
