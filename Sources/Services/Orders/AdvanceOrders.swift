import Contracts
import Messaging
import Storage
import Wire

/// What the other services say moves an order on.
struct AdvanceOrders: EventHandler {
    let outbox: Outbox
    let subscriptions = Choreography.subscriptions(of: .orders)

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try ChangeDesk(events.map(\.key), in: transaction, context: context)
        for event in events {
            guard desk[event.key] != nil else { throw UnknownOrder(id: event.key) }
            guard let (input, reason) = meaning(of: event.event) else { continue }
            _ = desk.apply(input, to: event.key, reason: reason, because: event)
        }
        try desk.commit(in: transaction, outbox: outbox)
    }

    private func meaning(of event: any Event) -> (OrderState.Input, String?)? {
        switch event {
        case is InventoryReserved: (.stockReserved, nil)
        case is InventoryInsufficient: (.stockInsufficient, "insufficient_stock")
        case is InventoryReleased: (.stockReleased, nil)
        case is PaymentProcessed: (.paymentProcessed, nil)
        case let failed as PaymentFailed: (.paymentFailed, failed.reason)
        case is PaymentVoided, is PaymentRefunded: (.paymentUndone, nil)
        default: nil
        }
    }
}

/// An event about an order that is not there: a dead letter, because an order exists before anybody can speak of it.
struct UnknownOrder: Error, CustomStringConvertible {
    let id: OrderID
    var description: String { "there is no order \(id)" }
}
