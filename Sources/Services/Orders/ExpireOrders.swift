import Contracts
import Messaging
import Storage
import Wire

/// An order that is not settled by its deadline is cancelled, by Orders and nobody else (RELIABILITY, trap 8).
struct ExpireOrders {
    static let timerKind = "deadline"
    let outbox: Outbox
    let cache: OrderCache?

    func fire(_ timers: [DueTimer], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try ChangeDesk(timers.map(\.key), in: transaction, context: context)
        for timer in timers { _ = desk.apply(.deadline, to: timer.key, reason: "deadline") }
        try desk.commit(in: transaction, outbox: outbox, cache: cache)
    }
}
