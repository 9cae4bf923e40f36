import Contracts
import Messaging
import Storage
import Wire

/// Counts every event once, whether it comes live or out of the log.
struct AggregateEvents: EventHandler {
    let subscriptions = Choreography.subscriptions(of: .analytics)
    /// The table `applied` refuses what has been counted; the inbox would not do, because a rebuild must be able to begin anew.
    let deduplicatesItself = true

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        try AggregateEvents.apply(events, in: transaction)
    }

    /// Folds a batch in memory, then writes each touched fact and sum once.
    /// - Returns: how many had not been counted before.
    @discardableResult
    static func apply(_ events: [Envelope], in transaction: any Transaction) throws -> Int {
        let progress = try ProgressTable.lock(in: transaction)
        let admitted = try ProgressTable.admit(events.map(\.id), generation: progress.generation, in: transaction)
        var changes = Aggregates()
        var told: [Envelope] = []
        var newest = progress.updatedThrough
        var count = 0
        for (event, isNew) in zip(events, admitted) where isNew {
            count += 1
            changes.count(eventOf: event.type)
            newest = max(newest, event.time)
            if OrderFact.types.contains(event.type) { told.append(event) }
        }
        guard count > 0 else { return 0 }
        try learn(told, &changes, in: transaction)
        try AggregateTables.add(changes, in: transaction)
        if newest > progress.updatedThrough { try ProgressTable.advance(to: newest, in: transaction) }
        return count
    }

    /// Adds what events tell to the facts of their orders, and to the sums what the facts have come to count for.
    private static func learn(_ events: [Envelope], _ changes: inout Aggregates, in transaction: any Transaction) throws {
        guard !events.isEmpty else { return }
        var places = [OrderID: Int](minimumCapacity: events.count)
        var before: [OrderFact] = []
        for event in events where places[event.key] == nil {
            places[event.key] = before.count
            before.append(OrderFact(id: event.key))
        }
        var known: Set<OrderID> = []
        for fact in try FactTable.load(before.map(\.id), in: transaction) {
            known.insert(fact.id)
            if let place = places[fact.id] { before[place] = fact }
        }
        var after = before
        for event in events {
            if let place = places[event.key] { try after[place].apply(event) }
        }
        for (before, after) in zip(before, after) { try changes.move(from: before, to: after) }
        try FactTable.save(after.filter { known.contains($0.id) }, in: transaction)
        try FactTable.add(after.filter { !known.contains($0.id) }, in: transaction)
    }
}
