import Synchronization
import Wire

/// Wakes those who watch as soon as new events are durable. The events themselves they read from the archive, or from its end in memory while that reaches back far
/// enough: nothing is buffered for anybody, nothing can overflow, and what a watcher sees is in the archive's order, without gap or repetition, however slow it is.
public final class LiveEvents: Sendable {
    private struct State {
        var byKey: [Identifier: [Subscription]] = [:]
        var ofAll: [Subscription] = []
        var recent = RecentEvents()
        var isClosed = false
        var subscriptions: [Subscription] { ofAll + byKey.values.joined() }
    }

    private let state = Mutex(State())
    /// Spares the writer the lock while nobody watches.
    private let count = Atomic<Int>(0)

    /// A hub that nobody watches yet.
    public init() {}

    /// How many watch; a gauge.
    public var watchers: Int { count.load(ordering: .relaxed) }

    /// Wakes those whom the events concern. Runs on the database's writer, after the commit.
    /// - Parameter place: behind which the events stand in the archive, one after the other; nil where that is not known.
    func announce(_ events: [Envelope], after place: Int64?) {
        // Who subscribes after this look reads the archive after it, where the events are by now.
        guard count.load(ordering: .sequentiallyConsistent) > 0 else { return }
        let (byKey, ofAll) = state.withLock { state in
            if let place { state.recent.add(events, after: place) } else { state.recent.forget() }
            return (state.byKey, state.ofAll)
        }
        for subscription in ofAll where events.contains(where: { subscription.filter.admits(type: $0.type) }) { subscription.wake() }
        guard !byKey.isEmpty else { return }
        for event in events {
            for subscription in byKey[event.key] ?? [] where subscription.filter.admits(type: event.type) { subscription.wake() }
        }
    }

    /// What stands behind a place in the archive, if all of it is in memory.
    func recent(_ filter: EventFilter, after place: Int64, limit: Int) -> EventArchive.Page? {
        state.withLock { $0.recent.page(filter, after: place, limit: limit) }
    }

    func subscribe(_ filter: EventFilter) -> Subscription {
        let subscription = Subscription(filter: filter)
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            if let key = filter.key { state.byKey[key, default: []].append(subscription) } else { state.ofAll.append(subscription) }
            count.add(1, ordering: .sequentiallyConsistent)
            return true
        }
        if !isOpen { subscription.end() }
        return subscription
    }

    func cancel(_ subscription: Subscription) {
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

    /// Wakes everybody: something is new, and it is not known what.
    func wakeAll() { for subscription in state.withLock({ $0.subscriptions }) { subscription.wake() } }

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

    /// One watcher's alarm clock.
    final class Subscription: Sendable {
        enum Call: Sendable {
            /// There is something new in the archive.
            case news
            /// Nothing happened for a while.
            case idle
            case ended
        }

        private struct State {
            var hasNews = false
            var isTicked = false
            var isEnded = false
            var waiter: CheckedContinuation<Void, Never>?
            var isReady: Bool { hasNews || isTicked || isEnded }
        }

        let filter: EventFilter
        private let state = Mutex(State())

        init(filter: EventFilter) { self.filter = filter }

        func wake() { change { $0.hasNews = true } }
        func tick() { change { if $0.waiter != nil { $0.isTicked = true } } }
        func end() { change { $0.isEnded = true } }

        /// What happened since the last call; waits until there is something.
        func next() async -> Call {
            while true {
                if let call = take() { return call }
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in
                        let isReady = state.withLock { state in
                            if !state.isReady { state.waiter = continuation }
                            return state.isReady
                        }
                        if isReady { continuation.resume() }
                    }
                } onCancel: {
                    end()
                }
            }
        }

        private func take() -> Call? {
            state.withLock { state in
                guard state.isReady else { return nil }
                defer { (state.hasNews, state.isTicked) = (false, false) }
                return state.isEnded ? .ended : state.hasNews ? .news : .idle
            }
        }

        /// Changes the state under the lock, then wakes the watcher outside of it if there is something for it.
        private func change(_ body: (inout State) -> Void) {
            let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
                body(&state)
                guard state.isReady else { return nil }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
