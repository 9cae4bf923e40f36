import Contracts
import Wire

extension ReservationState.Input {
    /// What an event of another service means to a reservation; nil for events that mean nothing to it.
    /// - Parameter isCovered: whether there is enough of all that the order asks for, at the prices that it names; counts for `OrderCreated` alone.
    public init?(_ event: any Event, isCovered: Bool) {
        switch event {
        case is OrderCreated: self = isCovered ? .requestCovered : .requestShort
        case is OrderCancellationRequested: self = .cancellation
        case is PaymentFailed: self = .paymentFailed
        case is OrderShipped: self = .shipped
        default: return nil
        }
    }
}

extension ReservationState.Effect {
    /// The event that tells of an effect; nil where nothing is said.
    /// - Parameters:
    ///   - lines: what was taken or given back.
    ///   - shortages: why nothing could be taken.
    ///   - changedPrices: why nothing was taken although there is enough.
    ///   - cause: the event that led to the effect.
    public func event(lines: [StockReservation], shortages: [StockShortage], changedPrices: [CataloguePrice] = [], because cause: any Event) -> (any Event)? {
        switch self {
        case .hold: (cause as? OrderCreated).map { InventoryReserved(reservations: lines, total: $0.total, paymentMethod: $0.paymentMethod) }
        case .reject: InventoryInsufficient(shortages: shortages, changedPrices: changedPrices)
        case .release, .answer: InventoryReleased(reservations: lines, reason: cause is PaymentFailed ? "payment_failed" : "cancellation")
        case .sell, .nothing: nil
        }
    }
}

extension Product {
    /// Moves units between available, reserved and sold, as an effect on a reservation of so many units demands.
    mutating func perform(_ effect: ReservationState.Effect, _ units: Int64) {
        switch effect {
        case .hold:
            available -= units
            reserved += units
        case .release:
            reserved -= units
            available += units
        case .sell:
            reserved -= units
            sold += units
        case .reject, .answer, .nothing: break
        }
    }
}
