import Contracts
import Messaging
import Notifications
import Storage
import Wire

/// A service's handler that fails for some events, as a handler with a bug or a broken dependency does.
struct SimulatedHandler: EventHandler, @unchecked Sendable {
    let base: any EventHandler
    let consumer: String
    let world: World

    var subscriptions: Set<String>? { base.subscriptions }
    var deduplicatesItself: Bool { base.deduplicatesItself }

    func canWait(_ event: Envelope) -> Bool { base.canWait(event) }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        try world.poison(events, consumer: consumer)
        try transaction.execute(SimulatedHandler.testify, each: events.map { [.id($0.id)] })
        guard world.plan.mutant == .cancelIgnoredWhileCharging, consumer == "payments" else {
            return try base.react(to: events, in: transaction, context: context)
        }
        let heard = try events.filter { event in
            guard event.event is OrderCancellationRequested else { return true }
            return try transaction.first(SimulatedHandler.state, [.id(event.key)]) { $0.integer(0) } != 1
        }
        try base.react(to: heard, in: transaction, context: context)
    }

    /// What the audit asks whether an event was applied: written with the effect, and by nothing that the product has.
    static let witness = SQL("CREATE TABLE simulated_effects (event_id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID")
    private static let testify = SQL("INSERT INTO simulated_effects (event_id) VALUES ($1) ON CONFLICT DO NOTHING")
    private static let state = SQL("SELECT state FROM payments WHERE order_id = $1")
}

/// Why a handler of a simulation threw.
struct PlantedFailure: Error, CustomStringConvertible {
    let description = "planted by the simulation"
}

/// Reaches nobody; fails now and then.
struct SimulatedChannel: NotificationChannel, @unchecked Sendable {
    let name = "log"
    let world: World

    func send(_ message: Message) async throws {
        if !world.takes(message) { throw ChannelFailure("planted by the simulation") }
    }
}
