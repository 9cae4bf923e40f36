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
            let order = event.event as? OrderCreated
            let wanted = order?.lines ?? []
            let shortages = desk.shortages(of: wanted)
            let changedPrices = order?.hasPricesToCheck == true ? desk.changedPrices(of: wanted) : []
            guard let input = ReservationState.Input(event.event, isCovered: shortages.isEmpty && changedPrices.isEmpty) else { continue }
            let effect = desk.apply(input, to: event.key)
            let lines = desk.perform(effect, wanted, for: event.key, context)
            guard let answer = effect.event(lines: lines, shortages: shortages, changedPrices: changedPrices, because: event.event) else { continue }
            answers.append(context.envelope(answer, key: event.key, because: event))
        }
        try desk.commit(at: context.now, board: board, in: transaction)
        try outbox.append(answers, in: transaction)
    }
}
