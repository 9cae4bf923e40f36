import DequeModule
import Messaging
import Synchronization

/// What has come from the broker and was not taken yet: between the thread that reads and those who ask for the next messages. Bounded by the prefetch of the
/// partitions that are read.
final class DeliveryBox: Sendable {
    private struct Waiter {
        let ticket: Int
        let limit: Int
        let continuation: CheckedContinuation<[BrokerDelivery]?, any Error>
    }
    private struct State {
        var deliveries: Deque<BrokerDelivery> = []
        /// Who waits, in order. When somebody does, there is nothing to give.
        var waiters: Deque<Waiter> = []
        /// The loss of the connection that nobody was told of yet.
        var failure: BrokerError?
        var isClosed = false
    }
    private let state = Mutex(State())
    private let tickets = Atomic<Int>(0)

    /// How many messages wait; a gauge.
    var count: Int { state.withLock { $0.deliveries.count } }

    /// The next messages; waits for one.
    /// - Returns: nil once it was closed.
    /// - Throws: ``BrokerError`` when the connection was lost, once for each time, and `CancellationError`.
    func next(limit: Int) async throws -> [BrokerDelivery]? {
        let ticket = tickets.wrappingAdd(1, ordering: .relaxed).newValue
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<[BrokerDelivery]?, any Error>? = state.withLock { state in
                    if state.isClosed { return .success(nil) }
                    if let failure = state.failure {
                        state.failure = nil
                        return .failure(failure)
                    }
                    if !state.deliveries.isEmpty { return .success(DeliveryBox.take(limit, &state)) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters.append(Waiter(ticket: ticket, limit: limit, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.ticket == ticket }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// As many as are wanted. Events that came in one message stay together where they can: what of a message is not taken would bring all of it again.
    private static func take(_ limit: Int, _ state: inout State) -> [BrokerDelivery] {
        let most = min(max(1, limit), state.deliveries.count)
        var count = most
        while count > 0, count < state.deliveries.count, areOfOneMessage(state.deliveries[count - 1], state.deliveries[count]) { count -= 1 }
        if count == 0 { count = most }
        defer { state.deliveries.removeFirst(count) }
        return Array(state.deliveries.prefix(count))
    }

    private static func areOfOneMessage(_ first: BrokerDelivery, _ second: BrokerDelivery) -> Bool {
        first.session == second.session && BundlePosition.tag(first.position) == BundlePosition.tag(second.position)
    }

    /// Adds messages.
    func offer(_ deliveries: [BrokerDelivery]) {
        if deliveries.isEmpty { return }
        let served = state.withLock { state in
            guard !state.isClosed else { return [(Waiter, [BrokerDelivery])]() }
            state.deliveries.append(contentsOf: deliveries)
            var served: [(Waiter, [BrokerDelivery])] = []
            while !state.deliveries.isEmpty, let waiter = state.waiters.popFirst() { served.append((waiter, DeliveryBox.take(waiter.limit, &state))) }
            return served
        }
        for (waiter, share) in served { waiter.continuation.resume(returning: share) }
    }

    /// Forgets the messages of a session that ends: the broker delivers them again.
    /// - Returns: the position of the first of them; nil when none waited.
    @discardableResult
    func discard(session: Int64) -> Int64? {
        state.withLock { state in
            let first = state.deliveries.first { $0.session == session }?.position
            if first != nil { state.deliveries.removeAll { $0.session == session } }
            return first
        }
    }

    /// Forgets all messages and tells whoever waits, or the next one who asks, that the connection was lost.
    func fail(_ error: BrokerError) {
        let waiters = state.withLock { state in
            state.deliveries.removeAll()
            if state.waiters.isEmpty, !state.isClosed { state.failure = error }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    /// Ends it for all who wait and all who will ask.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            state.deliveries.removeAll()
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }
}
