import Contracts
import Messaging
import Storage
import Wire

/// What the other services say moves an order on.
struct AdvanceOrders: EventHandler {
    let outbox: Outbox
    let cache: OrderCache?
    let subscriptions = Choreography.subscriptions(of: .orders)

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try ChangeDesk(events.map(\.key), in: transaction, context: context)
        for event in events {
            guard desk[event.key] != nil else { throw UnknownOrder(id: event.key) }
            guard let input = OrderState.Input(event.event) else { continue }
            _ = desk.apply(input, to: event.key, reason: reason(in: event.event), because: event)
        }
        try desk.commit(in: transaction, outbox: outbox, cache: cache)
    }

    /// Why an order comes to nothing, where the event says so.
    private func reason(in event: any Event) -> String? {
        switch event {
        case let refused as InventoryInsufficient: refused.changedPrices.isEmpty ? "insufficient_stock" : "price_changed"
        case let failed as PaymentFailed: failed.reason
        default: nil
        }
    }
}

/// An event about an order that is not there: a dead letter, because an order exists before anybody can speak of it.
struct UnknownOrder: Error, CustomStringConvertible {
    let id: OrderID
    var description: String { "there is no order \(id)" }
}
