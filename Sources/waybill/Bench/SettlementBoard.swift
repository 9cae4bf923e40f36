import Synchronization
import Wire

/// Brings together orders and the events that end them, whichever is seen first.
///
/// An event may overtake the answer that tells the order's id. Orders of others are events without an order; of these a bounded number is kept.
final class SettlementBoard: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How an order ended.
    struct Settlement: Sendable, Equatable {
        let at: Instant
        /// PAID, rather than CANCELLED or FAILED.
        let isConfirmed: Bool
    }

    /// An order that was followed to its end.
    struct Record: Sendable {
        let since: Instant
        let settlement: Settlement
    }

    private struct State {
        var waiting: [Identifier: (since: Instant, continuation: CheckedContinuation<Settlement?, Never>?)] = [:]
        var early: [Identifier: Settlement] = [:]
        var records: [Record] = []
        var isClosed = false
    }

    private static let maximumEarly = 100_000
    private let state = Mutex(State())

    /// Orders that were accepted and have not ended.
    var unsettled: Int { state.withLock { $0.waiting.count } }
    /// Whether any event was seen.
    var hasSeenEvents: Bool { state.withLock { !$0.early.isEmpty || !$0.records.isEmpty } }
    /// All orders followed to their end.
    var records: [Record] { state.withLock { $0.records } }

    /// Notes an order that was accepted; its end will be in ``records``.
    func register(_ id: Identifier, since: Instant) {
        state.withLock { state in
            if let settlement = state.early.removeValue(forKey: id) {
                state.records.append(Record(since: since, settlement: settlement))
            } else {
                state.waiting[id] = (since, nil)
            }
        }
    }

    /// Notes an order and waits for its end; nil if the board is closed before.
    func settlement(of id: Identifier, since: Instant) async -> Settlement? {
        await withCheckedContinuation { continuation in
            let (settlement, isOver) = state.withLock { state -> (Settlement?, Bool) in
                if let settlement = state.early.removeValue(forKey: id) {
                    state.records.append(Record(since: since, settlement: settlement))
                    return (settlement, true)
                }
                state.waiting[id] = (since, state.isClosed ? nil : continuation)
                return (nil, state.isClosed)
            }
            if isOver { continuation.resume(returning: settlement) }
        }
    }

    /// Takes the event that ends an order.
    func settle(_ id: Identifier, _ settlement: Settlement) {
        let continuation = state.withLock { state -> CheckedContinuation<Settlement?, Never>? in
            guard let entry = state.waiting.removeValue(forKey: id) else {
                if state.early.count >= SettlementBoard.maximumEarly { state.early.removeAll(keepingCapacity: true) }
                state.early[id] = settlement
                return nil
            }
            state.records.append(Record(since: entry.since, settlement: settlement))
            return entry.continuation
        }
        continuation?.resume(returning: settlement)
    }

    /// Gives up: whoever waits gets nil.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            let waiters = state.waiting.values.compactMap(\.continuation)
            for id in state.waiting.keys { state.waiting[id]?.continuation = nil }
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }
}
