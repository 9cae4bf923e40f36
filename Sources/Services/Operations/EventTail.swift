import Storage
import Synchronization
import Wire

/// The stored events from a place on, then the live ones: no gap, no repetition. When its reader is too slow for the live ones, it reads the archive again
/// from where it stands, so that memory stays bounded and nothing is left out.
///
/// For one reader: ``next()`` may not be called while a call is under way.
public final class EventTail: Sendable {
    private struct State {
        var last: Int64
        var isReading = true
        var subscription: LiveSubscription?
    }

    private static let pageSize = 500
    private let database: any Database
    private let live: LiveEvents
    private let filter: EventFilter
    private let state: Mutex<State>

    init(_ filter: EventFilter, after sequence: Int64, database: any Database, live: LiveEvents) {
        (self.filter, self.database, self.live) = (filter, database, live)
        state = Mutex(State(last: sequence))
    }

    deinit { if let subscription = state.withLock({ $0.subscription }) { live.cancel(subscription) } }

    /// The next events, at least one; none as a sign of life after a quiet time; nil when the service is shutting down or the task is cancelled.
    /// - Throws: ``StorageError``.
    public func next() async throws -> [ArchivedEvent]? {
        while true {
            let (last, subscription) = state.withLock { ($0.last, $0.isReading ? nil : $0.subscription) }
            guard let subscription else {
                let events = try await read(after: last)
                if !events.isEmpty { return events }
                continue
            }
            switch await subscription.next() {
            case .events(let events):
                // What was both stored before the reading and offered since has been shown already.
                let fresh = events.first.map { $0.sequence > last } == true ? events : events.filter { $0.sequence > last }
                guard let newest = fresh.last else { continue }
                state.withLock { $0.last = newest.sequence }
                return fresh
            case .behind: state.withLock { $0.isReading = true }
            case .idle: return []
            case .ended: return nil
            }
        }
    }

    /// Reads a page of the archive. At its end the subscription begins, and only a page that was read to the end after that leads over to it.
    private func read(after last: Int64) async throws -> [ArchivedEvent] {
        let filter = self.filter
        let isSubscribed = state.withLock { $0.subscription != nil }
        let page = try await database.read { try EventArchive.page(filter, after: last, limit: EventTail.pageSize, in: $0) }
        let subscription = page.isEnd && !isSubscribed ? live.subscribe(filter) : nil
        state.withLock { state in
            state.last = page.last
            if let subscription { state.subscription = subscription } else if page.isEnd { state.isReading = false }
        }
        return page.events
    }
}
