import Dispatch
import Storage
import Synchronization

/// What waits for the connections of one kind, the writers' or the readers', in order and bounded.
final class WorkQueue: Sendable {
    /// A closure that waits, and since when.
    struct Entry {
        let work: any PendingWrite
        /// Nanoseconds of the monotonic clock.
        let since: UInt64
    }

    private struct State {
        var waiting: [Entry] = []
        /// Workers that have nothing to do; the last one's connection was used last.
        var idle: [Int]
        /// Workers that let callers gather.
        var gathering: [Int] = []
        var isClosed = false
        var isHurried = false
        var broken: StorageError?
    }

    private let maximumWaiting: Int
    private let maximumBatch: Int
    private let state: Mutex<State>

    init(workers: Int, maximumWaiting: Int, maximumBatch: Int) {
        (self.maximumWaiting, self.maximumBatch) = (maximumWaiting, maximumBatch)
        state = Mutex(State(idle: Array((0..<workers).reversed())))
    }

    /// How many closures wait.
    var count: Int { state.withLock { $0.waiting.count } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Whether nobody is to wait for a server that is away.
    var isHurried: Bool { state.withLock { $0.isHurried || $0.isClosed } }
    func hurry() { state.withLock { $0.isHurried = true } }

    /// Whom a newcomer concerns.
    enum Admission {
        /// A worker will come by.
        case waits
        /// This worker is to be started.
        case starts(Int)
        /// This worker need not wait for more.
        case hurries(Int)
        case refused(StorageError)
    }

    func add(_ work: any PendingWrite) -> Admission {
        let entry = Entry(work: work, since: DispatchTime.now().uptimeNanoseconds)
        return state.withLock { state in
            if let broken = state.broken { return .refused(broken) }
            if state.isClosed { return .refused(.closed) }
            if state.waiting.count >= maximumWaiting { return .refused(.overloaded) }
            state.waiting.append(entry)
            // Whoever gathers takes it along: a second transaction for it would cost a second commit.
            if let worker = state.gathering.last { return state.waiting.count == maximumBatch ? .hurries(worker) : .waits }
            return state.idle.popLast().map { .starts($0) } ?? .waits
        }
    }

    /// Whether it is worth waiting for more; if so, the worker is noted as gathering until it takes.
    func gather(_ worker: Int) -> Bool {
        state.withLock { state in
            guard !state.isClosed, !state.waiting.isEmpty, state.waiting.count < maximumBatch else { return false }
            state.gathering.append(worker)
            return true
        }
    }

    /// The next closures for a worker; none when nothing waits, and then the worker is idle.
    func take(_ worker: Int) -> [Entry] {
        state.withLock { state in
            state.gathering.removeAll { $0 == worker }
            let count = min(state.waiting.count, maximumBatch)
            if count == 0 {
                if !state.idle.contains(worker) { state.idle.append(worker) }
                return []
            }
            if count == state.waiting.count {
                defer { state.waiting = [] }
                return state.waiting
            }
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
    }

    /// Takes out what has waited since before a moment.
    func expired(before moment: UInt64) -> [Entry] {
        state.withLock { state in
            let count = state.waiting.firstIndex { $0.since >= moment } ?? state.waiting.count
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
    }

    /// Takes nothing new from now on.
    /// - Returns: false when it was closed already.
    func close() -> Bool {
        state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
    }

    /// Refuses whatever waits and whatever comes.
    /// - Returns: what waited; nothing where it was broken already.
    func breakDown(_ error: StorageError) -> [Entry]? {
        state.withLock { state in
            guard state.broken == nil else { return nil }
            state.broken = error
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    /// Why nothing works any more; nil where it does.
    var broken: StorageError? { state.withLock { $0.broken } }
}
