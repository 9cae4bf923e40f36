import Dispatch
import Metrics
import Storage
import Synchronization
import Wire

/// A service's database in one SQLite file: WAL, `synchronous=FULL`, one writer that commits in groups, readers beside it.
public final class SQLiteDatabase: Database {
    /// How the database behaves; the defaults are those of the product.
    public struct Configuration: Sendable {
        /// A busy writer begins a transaction at most this often, so that more callers share a commit; an idle one begins at once.
        public var commitInterval: Duration = .milliseconds(4)
        /// Lengthens ``commitInterval`` while there is more to do than can be done.
        public var pace = CommitPace()
        /// The most closures in one transaction.
        public var maximumBatch = 512
        /// The most closures that may wait before ``StorageError/overloaded``.
        public var maximumWaiting = 20_000
        /// Connections for reading, opened when first needed.
        public var readers = 2
        /// `FULL` acknowledges nothing that a power cut could take back. `NORMAL` is for tests that show so.
        public var synchronous = "FULL"
        /// Page cache of the writer, in KiB.
        public var cacheKiB = 8192
        /// Called once when the medium failed: the process must stop and recover, never retry (RELIABILITY, trap 12).
        public var onBroken: @Sendable (StorageError) -> Void = { _ in }
        public init() {}
    }

    public let name: String
    /// There is one writer, and a rolled-back `AUTOINCREMENT` gives its number out again.
    public let commitsInOrder = true
    private let path: String
    private let configuration: Configuration
    private let queue: DispatchQueue
    private let wake = WakeSignal()
    private let state = Mutex(State())
    /// The writer's connection; touched on ``queue`` only.
    private nonisolated(unsafe) let writer: SQLiteConnection
    private nonisolated(unsafe) var lastBegin: DispatchTime = .init(uptimeNanoseconds: 0)
    private let readers: SQLiteReaders?
    private let commits: Counter
    private let batchSize: Recorder
    private let commitTime: Metrics.Timer

    private struct State {
        var waiting: [any PendingWrite] = []
        var isScheduled = false
        var isClosed = false
        var broken: StorageError?
        var isPausing = false
    }

    /// Opens a database and brings its settings into force.
    /// - Parameters:
    ///   - path: the file, or `:memory:` for a private one that is gone when closed.
    /// - Throws: ``StorageError`` when it cannot be opened or a setting did not take (the settings are read back).
    public init(name: String, path: String, configuration: Configuration = Configuration()) throws {
        self.name = name
        self.path = path
        self.configuration = configuration
        queue = DispatchQueue(label: "waybill.sqlite.\(name)")
        let isMemory = path == ":memory:"
        writer = try SQLiteConnection(path: path, isReader: false, gathers: !isMemory && configuration.synchronous == "FULL")
        try SQLiteDatabase.configure(writer, configuration, isMemory: isMemory)
        readers = isMemory ? nil : SQLiteReaders(name: name, path: path, count: configuration.readers)
        commits = Counter(label: "waybill_storage_commits", dimensions: [("database", name)])
        batchSize = Recorder(label: "waybill_storage_batch_size", dimensions: [("database", name)], aggregate: false)
        commitTime = Metrics.Timer(label: "waybill_storage_commit", dimensions: [("database", name)])
    }

    private static func configure(_ connection: SQLiteConnection, _ configuration: Configuration, isMemory: Bool) throws {
        try connection.run("PRAGMA locking_mode=NORMAL")
        if !isMemory { try connection.run("PRAGMA journal_mode=WAL") }
        // secure_delete is on in Debian's build and would write every pruned outbox row once more.
        try connection.run(
            """
            PRAGMA synchronous=\(configuration.synchronous); PRAGMA foreign_keys=ON; PRAGMA secure_delete=OFF; PRAGMA busy_timeout=5000; PRAGMA temp_store=MEMORY;
            PRAGMA cache_size=-\(configuration.cacheKiB); PRAGMA wal_autocheckpoint=4000; PRAGMA trusted_schema=OFF
            """)
        let synchronous = try connection.pragma("synchronous")
        guard configuration.synchronous != "FULL" || synchronous == "2" else { throw StorageError.failed("synchronous=FULL did not take: \(synchronous)") }
        let journal = try connection.pragma("journal_mode")
        guard isMemory || journal == "wal" else { throw StorageError.failed("journal_mode=WAL did not take: \(journal)") }
    }

    /// How many writes wait; a gauge.
    public var waitingWrites: Int { state.withLock { $0.waiting.count } }

    public func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            enqueue(Pending(body: body, continuation: continuation))
        }
    }

    public func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        if let broken = state.withLock({ $0.isClosed ? StorageError.closed : $0.broken }) { throw broken }
        guard let readers else { return try await write { try body($0) } }
        return try await readers.read(body)
    }

    public func migrate(_ migrations: [Migration], owner: String) async throws {
        try await write { try Schema.migrate(migrations, owner: owner, in: $0) }
    }

    public func close() async {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        wake.give()
        await readers?.close()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            queue.async {
                self.drain()
                self.writer.close()
                done.resume()
            }
        }
    }

    private func enqueue(_ write: any PendingWrite) {
        enum Next {
            case wait, schedule, hurry
            case refuse(StorageError)
        }
        let next: Next = state.withLock { state in
            if let broken = state.broken { return .refuse(broken) }
            if state.isClosed { return .refuse(.closed) }
            if state.waiting.count >= configuration.maximumWaiting { return .refuse(.overloaded) }
            state.waiting.append(write)
            if !state.isScheduled {
                state.isScheduled = true
                return .schedule
            }
            return state.isPausing && state.waiting.count == configuration.maximumBatch ? .hurry : .wait
        }
        switch next {
        case .wait: break
        case .schedule: queue.async { self.drain() }
        case .hurry: wake.give()
        case .refuse(let error): write.fail(error)
        }
    }

    /// Runs on ``queue`` until nothing waits.
    private func drain() {
        WriterPriority.lower()
        while true {
            pause()
            let batch: [any PendingWrite] = state.withLock { state in
                state.isPausing = false
                let count = min(state.waiting.count, configuration.maximumBatch)
                if count == 0 {
                    state.isScheduled = false
                    return []
                }
                if count == state.waiting.count {
                    defer { state.waiting = [] }
                    return state.waiting
                }
                defer { state.waiting.removeFirst(count) }
                return Array(state.waiting.prefix(count))
            }
            if batch.isEmpty { return }
            run(batch)
        }
    }

    /// Lets callers gather while the previous commit is younger than the interval.
    private func pause() {
        let (seconds, attoseconds) = configuration.commitInterval.components
        let interval = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        guard interval > 0 else { return }
        let due = lastBegin.uptimeNanoseconds &+ configuration.pace.interval(of: interval)
        let isFull = state.withLock { state in
            state.isPausing = state.waiting.count < configuration.maximumBatch && !state.isClosed && !state.waiting.isEmpty
            return !state.isPausing
        }
        if !isFull, DispatchTime.now().uptimeNanoseconds < due { wake.wait(until: due) }
        lastBegin = .now()
    }

    private func run(_ batch: [any PendingWrite]) {
        if let broken = state.withLock({ $0.broken }) {
            for write in batch { write.fail(broken) }
            return
        }
        let start = DispatchTime.now().uptimeNanoseconds
        do {
            try writer.commit(batch, reached: pass)
            CrashPoint.afterHandOver.reached(in: name)
            commits.increment()
            batchSize.record(batch.count)
            commitTime.recordNanoseconds(Int64(DispatchTime.now().uptimeNanoseconds - start))
            for write in batch { write.succeed() }
        } catch {
            writer.rollBack()
            if case .broken = error as? StorageError { return stop(error as? StorageError ?? .closed, batch) }
            if batch.count == 1 { return batch[0].fail(error) }
            for write in batch { run([write]) }
        }
    }

    private func pass(_ point: CommitPoint) {
        switch point {
        case .beforeCommit: CrashPoint.beforeCommit.reached(in: name)
        case .afterCommit: CrashPoint.afterCommit.reached(in: name)
        }
    }

    private func stop(_ error: StorageError, _ batch: [any PendingWrite]) {
        let rest = state.withLock { state in
            state.broken = error
            defer { state.waiting = [] }
            return state.waiting
        }
        for write in batch + rest { write.fail(error) }
        configuration.onBroken(error)
    }
}
