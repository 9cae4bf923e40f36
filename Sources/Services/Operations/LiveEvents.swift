import Synchronization
import Wire

/// Hands events to those who watch, as soon as they are durable. Publishing never waits for a watcher: whoever is too slow is told to read the archive.
public final class LiveEvents: Sendable {
    private struct State {
        var byKey: [Identifier: [LiveSubscription]] = [:]
        var ofAll: [LiveSubscription] = []
        var isClosed = false
        var subscriptions: [LiveSubscription] { ofAll + byKey.values.joined() }
    }

    private let capacity: Int
    private let state = Mutex(State())
    /// Spares the writer the lock while nobody watches.
    private let count = Atomic<Int>(0)

    /// A hub whose watchers may each have so many events waiting.
    public init(capacity: Int = 4096) { self.capacity = capacity }

    /// How many watch; a gauge.
    public var watchers: Int { count.load(ordering: .relaxed) }

    /// Hands on events in the order of their sequence numbers. Runs on the database's writer.
    func publish(_ events: [ArchivedEvent]) {
        // A watcher who comes after this reads the archive first, where the events are by now.
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        let (byKey, ofAll) = state.withLock { ($0.byKey, $0.ofAll) }
        for subscription in ofAll { subscription.offer(events) }
        guard !byKey.isEmpty else { return }
        for event in events {
            for subscription in byKey[event.key] ?? [] { subscription.offer([event]) }
        }
    }

    func subscribe(_ filter: EventFilter) -> LiveSubscription {
        let subscription = LiveSubscription(filter: filter, capacity: capacity)
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            if let key = filter.key { state.byKey[key, default: []].append(subscription) } else { state.ofAll.append(subscription) }
            count.add(1, ordering: .sequentiallyConsistent)
            return true
        }
        if !isOpen { subscription.end() }
        return subscription
    }

    func cancel(_ subscription: LiveSubscription) {
        state.withLock { state in
            let before = state.subscriptions.count
            if let key = subscription.filter.key {
                state.byKey[key]?.removeAll { $0 === subscription }
                if state.byKey[key]?.isEmpty == true { state.byKey[key] = nil }
            } else {
                state.ofAll.removeAll { $0 === subscription }
            }
            count.subtract(before - state.subscriptions.count, ordering: .sequentiallyConsistent)
        }
        subscription.end()
    }

    /// Wakes those who have been waiting, so that they show their clients a sign of life.
    func tick() { for subscription in state.withLock({ $0.subscriptions }) { subscription.tick() } }

    /// Ends all watching, so that the server can drain.
    func close() {
        let subscriptions = state.withLock { state in
            state.isClosed = true
            return state.subscriptions
        }
        for subscription in subscriptions { subscription.end() }
    }
}

/// One watcher's bounded buffer.
final class LiveSubscription: Sendable {
    enum Update: Sendable {
        /// New events, in order.
        case events([ArchivedEvent])
        /// The buffer overflowed and was given up: what is missing is in the archive.
        case behind
        /// Nothing happened for a while.
        case idle
        case ended
    }

    private struct State {
        var buffer: [ArchivedEvent] = []
        var isBehind = false
        var isTicked = false
        var isEnded = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    let filter: EventFilter
    private let capacity: Int
    private let state = Mutex(State())

    init(filter: EventFilter, capacity: Int) { (self.filter, self.capacity) = (filter, capacity) }

    func offer(_ events: [ArchivedEvent]) {
        change { state in
            guard !state.isBehind, !state.isEnded else { return }
            for event in events where filter.admits(type: event.type) {
                guard state.buffer.count < capacity else {
                    state.isBehind = true
                    state.buffer = []
                    return
                }
                state.buffer.append(event)
            }
        }
    }

    func tick() { change { if $0.waiter != nil { $0.isTicked = true } } }

    func end() { change { $0.isEnded = true } }

    /// All that happened since the last call; waits until there is something.
    func next() async -> Update {
        while true {
            if let update = take() { return update }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if LiveSubscription.isReady(state) { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                end()
            }
        }
    }

    private func take() -> Update? {
        state.withLock { state in
            defer { state.isTicked = false }
            if state.isEnded { return .ended }
            if state.isBehind {
                state.isBehind = false
                return .behind
            }
            if !state.buffer.isEmpty {
                defer { state.buffer = [] }
                return .events(state.buffer)
            }
            return state.isTicked ? .idle : nil
        }
    }

    private static func isReady(_ state: State) -> Bool { state.isEnded || state.isBehind || state.isTicked || !state.buffer.isEmpty }

    /// Changes the state under the lock, then wakes the watcher outside of it if there is something for it.
    private func change(_ body: (inout State) -> Void) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            body(&state)
            guard LiveSubscription.isReady(state) else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
