import Contracts
import Messaging
import Storage
import Wire

/// Holds stock for orders, gives it back, and turns it into sold.
///
/// A batch locks its products once, decides event by event in memory, and writes each product once: a hot product costs one row per batch, not per order
/// (RELIABILITY, traps 10 and 11). All lines of an order are held, or none.
struct ReserveStock: EventHandler {
    let outbox: Outbox
    let board: AvailabilityBoard
    let subscriptions = Choreography.subscriptions(of: .inventory)

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try StockDesk(events, in: transaction)
        var answers: [Envelope] = []
        for event in events {
            switch event.event {
            case let created as OrderCreated: answers.append(contentsOf: reserve(created, event, &desk, context))
            case is OrderCancellationRequested: answers.append(contentsOf: undo(.cancellation, event, &desk, context))
            case is PaymentFailed: answers.append(contentsOf: undo(.paymentFailed, event, &desk, context))
            case is OrderShipped: sell(event, &desk)
            default: continue
            }
        }
        try desk.commit(at: context.now, board: board, in: transaction)
        try outbox.append(answers, in: transaction)
    }

    private func reserve(_ order: OrderCreated, _ event: Envelope, _ desk: inout StockDesk, _ context: ServiceContext) -> [Envelope] {
        let shortages = desk.shortages(of: order.lines)
        switch desk.apply(shortages.isEmpty ? .requestCovered : .requestShort, to: event.key) {
        case .hold:
            let held = desk.hold(order.lines, for: event.key, context)
            let reserved = InventoryReserved(reservations: held, total: order.total, paymentMethod: order.paymentMethod)
            return [context.envelope(reserved, key: event.key, because: event)]
        case .reject: return [context.envelope(InventoryInsufficient(shortages: shortages), key: event.key, because: event)]
        case .release, .answer, .sell, .nothing: return []
        }
    }

    private func undo(_ input: ReservationState.Input, _ event: Envelope, _ desk: inout StockDesk, _ context: ServiceContext) -> [Envelope] {
        let released: [StockReservation]
        switch desk.apply(input, to: event.key) {
        case .release: released = desk.release(event.key)
        case .answer: released = []
        case .hold, .reject, .sell, .nothing: return []
        }
        let reason = input == .cancellation ? "cancellation" : "payment_failed"
        return [context.envelope(InventoryReleased(reservations: released, reason: reason), key: event.key, because: event)]
    }

    private func sell(_ event: Envelope, _ desk: inout StockDesk) {
        if desk.apply(.shipped, to: event.key) == .sell { desk.sell(event.key) }
    }
}
