import DequeModule
import Synchronization
import Wire

/// A consumer's bounded queue. When it is full, events are dropped from memory, not lost: the feed remembers that it is behind, and the consumer reads the
/// producer's outbox until it has caught up.
public final class EventFeed: Sendable {
    /// What a consumer is to do next.
    package enum Work: Sendable {
        /// Apply these; they are in order per source.
        case apply([Envelope])
        /// Read this source's outbox after this sequence number; `announced` was the newest when this was decided.
        case catchUp(source: String, after: Int64, announced: Int64)
        case stop
    }

    /// A producer as this consumer sees it.
    private struct Source {
        /// Everything up to here is applied, durably.
        var applied: Int64 = 0
        /// Everything up to here was taken out of the feed or read from the outbox.
        var taken: Int64 = 0
        /// The newest committed event.
        var announced: Int64 = 0
        /// Events in the feed or being applied.
        var outstanding = 0
        /// Whether numbers are given out in the order of commits and without gaps.
        var isExact = false
        /// Something after `taken` is only in the outbox.
        var isBehind = false
        /// When the first event that is only in the outbox was decided; nil when that was before this process began.
        var behindSince: Timestamp?
    }

    private struct State {
        var buffer: Deque<Envelope> = []
        var sources: [String: Source] = [:]
        var waiter: CheckedContinuation<Void, Never>?
        var isStopped = false
        /// Events in the buffer that may not wait.
        var urgent = 0
        /// Whether those that may have waited long enough.
        var isHurried = false

        /// Whether there is something to do that is worth doing now.
        var isReady: Bool { isStopped || urgent > 0 || isHurried && !buffer.isEmpty || sources.values.contains(where: \.isBehind) }
    }

    /// The consumer's name.
    public let consumer: String
    /// The types it subscribes to; nil for all.
    public let types: Set<String>?
    private let capacity: Int
    private let canWait: @Sendable (Envelope) -> Bool
    private let state = Mutex(State())

    /// A feed that holds at most `capacity` events in memory.
    /// - Parameter canWait: whether an event is left until another comes, or until ``hurry()``.
    public init(consumer: String, types: Set<String>?, capacity: Int = 8192, canWait: @escaping @Sendable (Envelope) -> Bool = { _ in false }) {
        (self.consumer, self.types, self.capacity, self.canWait) = (consumer, types, capacity, canWait)
    }

    /// Events that wait in memory or are being applied; a gauge.
    public var backlog: Int { state.withLock { $0.sources.values.reduce(0) { $0 + $1.outstanding } } }

    /// What there is to do for this consumer: how many events, with what is only in a producer's outbox (of which other consumers' types are a part, so it is at
    /// least as much as there is), and when the oldest that waits for its turn was decided.
    public var waiting: (events: Int, since: Timestamp?) {
        state.withLock { state in
            var (events, since) = (0, state.buffer.first?.time)
            for source in state.sources.values {
                events += source.outstanding
                guard source.isBehind else { continue }
                events += Int(max(0, source.announced - source.taken))
                if let behind = source.behindSince { since = min(since ?? behind, behind) }
            }
            return (events, since)
        }
    }

    /// Whether everything committed so far has been applied.
    public var isIdle: Bool { state.withLock { $0.sources.values.allSatisfy { $0.outstanding == 0 && !$0.isBehind } } }

    /// Whether ``take(limit:)`` would give something.
    package var hasWork: Bool { state.withLock { !$0.buffer.isEmpty || $0.sources.values.contains(where: \.isBehind) } }

    /// Sets where a source stands when the consumer starts.
    /// - Parameter isExact: whether the source numbers its events in the order of their commits: then an event whose number does not follow upon the newest is not
    ///   taken, but read from the outbox with those before it.
    func begin(_ source: String, applied: Int64, announced: Int64, isExact: Bool = false) {
        state.withLock { state in
            var entry = state.sources[source] ?? Source()
            entry.applied = applied
            entry.taken = applied
            entry.announced = max(announced, entry.announced)
            entry.isBehind = entry.announced > applied
            entry.isExact = isExact
            state.sources[source] = entry
        }
    }

    package func offer(_ events: [Envelope], from source: String) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard let first = events.first, let last = events.last, var entry = state.sources[source] else { return nil }
            // A consumer's position stands for everything before it, so that nothing may be put behind a gap.
            let hasGap = entry.isExact && first.sequence > max(entry.announced, entry.taken) + 1
            entry.announced = max(entry.announced, last.sequence)
            defer { state.sources[source] = entry }
            if !entry.isBehind {
                if hasGap || state.buffer.count + events.count > capacity {
                    entry.isBehind = true
                    entry.behindSince = events.first?.time
                } else {
                    // Events come in runs of one type, so that a run is looked up once.
                    var (type, isWanted) = ("", false)
                    for event in events {
                        if event.type != type { (type, isWanted) = (event.type, types?.contains(event.type) ?? true) }
                        guard isWanted else { continue }
                        state.buffer.append(event)
                        entry.outstanding += 1
                        if !canWait(event) { state.urgent += 1 }
                    }
                }
            }
            guard state.urgent > 0 || entry.isBehind else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Lets nothing that is in the feed wait any longer. To be called now and then.
    func hurry() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard !state.buffer.isEmpty else { return nil }
            state.isHurried = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next piece of work; waits until there is some.
    func next(limit: Int) async -> Work {
        while true {
            if state.withLock({ $0.isReady }), let work = take(limit: limit) { return work }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if state.isReady { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                stop()
            }
        }
    }

    /// The next piece of work if there is any: the step that a simulation drives.
    package func take(limit: Int) -> Work? {
        state.withLock { state in
            if state.isStopped { return .stop }
            if !state.buffer.isEmpty {
                let count = min(limit, state.buffer.count)
                let events = Array(state.buffer.prefix(count))
                state.buffer.removeFirst(count)
                state.urgent = state.buffer.isEmpty ? 0 : max(0, state.urgent - events.count { !canWait($0) })
                if state.buffer.isEmpty { state.isHurried = false }
                for run in EventFeed.runs(of: events) { state.sources[run.source]?.taken = run.last }
                return .apply(events)
            }
            for source in state.sources.keys.sorted() {
                if let entry = state.sources[source], entry.isBehind { return .catchUp(source: source, after: entry.taken, announced: entry.announced) }
            }
            return nil
        }
    }

    /// Notes that the outbox was read through a sequence number and that so many of its events are about to be applied.
    func caughtUp(_ source: String, events: Int, through last: Int64) {
        state.withLock { state in
            guard var entry = state.sources[source] else { return }
            entry.outstanding += events
            entry.taken = max(entry.taken, last)
            entry.isBehind = entry.taken < entry.announced
            if !entry.isBehind { entry.behindSince = nil }
            state.sources[source] = entry
        }
    }

    /// Notes that events were applied durably.
    func completed(_ events: [Envelope]) {
        state.withLock { state in
            for run in EventFeed.runs(of: events) {
                guard var entry = state.sources[run.source] else { continue }
                entry.outstanding -= run.count
                entry.applied = max(entry.applied, run.last)
                state.sources[run.source] = entry
            }
        }
    }

    /// Neighbouring events of one source, so that a batch looks its few sources up a few times only.
    private static func runs(of events: [Envelope]) -> [(source: String, count: Int, last: Int64)] {
        var runs: [(source: String, count: Int, last: Int64)] = []
        for event in events {
            if let last = runs.indices.last, runs[last].source == event.source {
                runs[last].count += 1
                runs[last].last = event.sequence
            } else {
                runs.append((event.source, 1, event.sequence))
            }
        }
        return runs
    }

    /// Up to where a source's events need not be kept for this consumer.
    func applied(from source: String) -> Int64 {
        state.withLock { state in
            guard let entry = state.sources[source] else { return 0 }
            return entry.outstanding == 0 && !entry.isBehind ? max(entry.applied, entry.announced) : entry.applied
        }
    }

    /// Ends the consumer after its current batch.
    func stop() {
        let waiter = state.withLock { state in
            state.isStopped = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
