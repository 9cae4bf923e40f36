import Storage
import Synchronization
import Wire

/// The stored events from a place on, then the new ones as they come: no gap, no repetition, bounded memory.
///
/// For one reader: ``next()`` may not be called while a call is under way.
public final class EventTail: Sendable {
    private struct State {
        var last: Int64
        /// Whether the archive was read to its end, so that there is nothing to do before a call.
        var isAtEnd = false
    }

    private static let pageSize = 500
    private let database: any Database
    private let live: LiveEvents
    private let subscription: LiveEvents.Subscription
    private let state: Mutex<State>

    /// Subscribes before anything is read, so that an event is either read or announced, if not both.
    init(_ filter: EventFilter, after sequence: Int64, database: any Database, live: LiveEvents) {
        (self.database, self.live) = (database, live)
        subscription = live.subscribe(filter)
        state = Mutex(State(last: sequence))
    }

    deinit { live.cancel(subscription) }

    /// The next events, at least one; none as a sign of life after a quiet time; nil when the service is shutting down or the task is cancelled.
    /// - Throws: ``StorageError``.
    public func next() async throws -> [ArchivedEvent]? {
        while true {
            if state.withLock({ $0.isAtEnd }) {
                switch await subscription.next() {
                case .news: break
                case .idle: return []
                case .ended: return nil
                }
            }
            let (last, filter) = (state.withLock { $0.last }, subscription.filter)
            let page = try await page(filter, after: last)
            state.withLock { $0 = State(last: page.last, isAtEnd: page.isEnd) }
            if !page.events.isEmpty { return page.events }
        }
    }

    private func page(_ filter: EventFilter, after last: Int64) async throws -> EventArchive.Page {
        if let page = live.recent(filter, after: last, limit: EventTail.pageSize) { return page }
        return try await database.read { try EventArchive.page(filter, after: last, limit: EventTail.pageSize, in: $0) }
    }
}
