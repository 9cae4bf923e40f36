import Dispatch
import Logging
import Metrics
import Storage

/// One connection that writes: takes what waits, runs it in one transaction, commits once. Everything here runs on its queue.
final class PostgresWriter: @unchecked Sendable {
    /// How often a batch is run again that met another transaction, or whose connection was lost, before its closures are run one by one, and those before they fail.
    private static let attempts = 5

    let queue: DispatchQueue
    /// Ends a pause.
    let wake = WakeSignal()
    let work: WorkQueue
    let link: ServerLink
    let configuration: PostgresDatabase.Configuration
    let logger: Logger
    /// The commit whose outcome is not known, with what is to be done if it turns out to be durable. Nothing else is committed before that is settled: others must not
    /// hear of later commits first.
    var unsettled: UnsettledCommit?
    private let name: String
    private let number: Int
    private let lock: ExclusiveLock?
    private let meters: CommitMeters
    private let onBroken: @Sendable (StorageError) -> Void
    private var lastBegin: UInt64 = 0

    init(
        _ number: Int, _ factory: ConnectionFactory, _ work: WorkQueue, _ meters: CommitMeters, logger: Logger,
        onBroken: @escaping @Sendable (StorageError) -> Void
    ) {
        (self.number, self.work, self.meters, self.logger, self.onBroken) = (number, work, meters, logger, onBroken)
        (name, configuration) = (factory.name, factory.configuration)
        queue = DispatchQueue(label: "waybill.postgres.\(factory.name).writer\(number)")
        link = ServerLink(factory, .writing, logger: logger)
        lock = factory.configuration.isExclusive ? ExclusiveLock(schema: factory.configuration.schema) : nil
    }

    // MARK: Batches

    /// Runs until nothing waits.
    func drain() {
        WriterPriority.lower()
        while true {
            gather()
            let batch = work.take(number)
            if batch.isEmpty { return }
            run(batch)
        }
    }

    /// Lets callers gather while the previous transaction is younger than the interval.
    private func gather() {
        let interval = UInt64(max(0, configuration.commitInterval.nanoseconds))
        let due = lastBegin &+ interval
        if interval > 0, DispatchTime.now().uptimeNanoseconds < due, work.gather(number) { wake.wait(until: due) }
        lastBegin = DispatchTime.now().uptimeNanoseconds
    }

    func run(_ batch: [WorkQueue.Entry]) {
        var batch = batch
        var tries = 0
        while !batch.isEmpty {
            guard let connection = connected(&batch, late: .away) else { return }
            let transaction = PostgresTransaction(connection)
            do {
                try perform(batch, on: connection, in: transaction)
                return
            } catch {
                if let number = transaction.unsettledNumber {
                    unsettled = UnsettledCommit(number: number, backend: connection.backend, batch: batch, actions: transaction.commitActions)
                    link.drop()
                    return settle()
                }
                guard let error = mend(error, on: connection, transaction, &tries) else { continue }
                // Only the guilty one is to fail, and which one that is a batch does not tell.
                if batch.count == 1 { return batch[0].work.fail(error) }
                for entry in batch { run([entry]) }
                return
            }
        }
    }

    /// Runs all closures in one transaction, makes it durable and tells everybody.
    private func perform(_ batch: [WorkQueue.Entry], on connection: PostgresConnection, in transaction: PostgresTransaction) throws {
        let start = DispatchTime.now().uptimeNanoseconds
        for entry in batch { try entry.work.perform(transaction) }
        CrashPoint.beforeCommit.reached(in: name)
        try transaction.commit()
        CrashPoint.afterCommit.reached(in: name)
        connection.forgetFailure()
        for action in transaction.commitActions { action() }
        CrashPoint.afterHandOver.reached(in: name)
        meters.committed(batch.count, since: start)
        for entry in batch { entry.work.succeed() }
    }

    /// Clears up after a transaction that failed.
    /// - Returns: nil when it is to be run again, else what is wrong with it.
    private func mend(_ error: any Error, on connection: PostgresConnection, _ transaction: PostgresTransaction, _ tries: inout Int) -> (any Error)? {
        // Whatever a closure made of a statement's failure, the connection knows what it was.
        let failure = connection.failure
        if connection.isLost || !transaction.rollBack() { link.drop() }
        switch failure {
        case nil:
            guard error is TransactionConflict else { return (error as? PostgresFailure)?.storageError ?? error }
            pause(milliseconds: Double.random(in: 1...Double(10 << tries)))
        case .refused(let error): return error
        case .met: break
        case .stale: link.drop()
        case .lost(let text), .misconfigured(let text):
            logger.warning("the connection to PostgreSQL was lost", metadata: ["database": "\(name)", "error": "\(text)"])
        case .conflict: pause(milliseconds: Double.random(in: 1...Double(10 << tries)))
        }
        tries += 1
        if tries > PostgresWriter.attempts { return failure?.storageError ?? .overloaded }
        meters.retried()
        return nil
    }

    // MARK: The connection

    /// The connection, opened if need be; waits while the server is away, for as long as anybody in the batch has patience.
    /// - Parameter late: what those are told who have waited for too long; they leave the batch.
    func connected(_ batch: inout [WorkQueue.Entry], late: StorageError) -> PostgresConnection? {
        while true {
            if let broken = work.broken {
                for entry in batch { entry.work.fail(broken) }
                batch = []
                return nil
            }
            do {
                let connection = try open()
                guard unsettled != nil else { return connection }
                settle()
            } catch PostgresFailure.refused(.broken(let text)) {
                stop(.broken(text))
                continue
            } catch {
                if !work.isHurried { wake.wait(until: link.nextAttempt) }
            }
            expire(&batch, late)
            if batch.isEmpty { return nil }
        }
    }

    /// Connects, for somebody who wants to know whether that works.
    /// - Returns: what is wrong; nil when it is connected.
    func connectNow() throws -> String? {
        let deadline = DispatchTime.now().uptimeNanoseconds + UInt64(max(0, configuration.patience.nanoseconds))
        while true {
            do {
                _ = try open()
                return nil
            } catch PostgresFailure.misconfigured(let text) {
                return text
            } catch PostgresFailure.refused(.broken(let text)) {
                stop(.broken(text))
                throw StorageError.broken(text)
            } catch {
                guard DispatchTime.now().uptimeNanoseconds < deadline else { return (error as? PostgresFailure)?.text ?? "\(error)" }
                wake.wait(until: link.nextAttempt)
            }
        }
    }

    func open() throws -> PostgresConnection { try link.open { try lock?.take(on: $0) } }

    /// Lets those go who have waited for longer than they are to; all of them when the process is ending.
    func expire(_ batch: inout [WorkQueue.Entry], _ late: StorageError) {
        let now = DispatchTime.now().uptimeNanoseconds
        let isHurried = work.isHurried
        let oldest = isHurried ? now : now - min(now, UInt64(max(0, configuration.patience.nanoseconds)))
        for entry in batch where isHurried || entry.since < oldest { entry.work.fail(late) }
        batch.removeAll { isHurried || $0.since < oldest }
        for entry in work.expired(before: oldest) { entry.work.fail(StorageError.away) }
    }

    /// Stands still for a moment.
    func pause(milliseconds: Double) { wake.wait(until: DispatchTime.now().uptimeNanoseconds + UInt64(milliseconds * 1_000_000)) }

    /// Ends the database: this process must not go on with it.
    func stop(_ error: StorageError) {
        guard let waiting = work.breakDown(error) else { return }
        for entry in waiting { entry.work.fail(error) }
        link.drop()
        // Whoever could not even begin is told by the error alone.
        if lock?.wasHeld ?? true { onBroken(error) }
    }
}

/// What writers tell of their work.
final class CommitMeters: Sendable {
    private let commits: Counter
    private let batchSize: Recorder
    private let commitTime: Metrics.Timer
    private let retries: Counter

    init(database: String) {
        let dimensions = [("database", database)]
        commits = Counter(label: "waybill_storage_commits", dimensions: dimensions)
        batchSize = Recorder(label: "waybill_storage_batch_size", dimensions: dimensions, aggregate: false)
        commitTime = Metrics.Timer(label: "waybill_storage_commit", dimensions: dimensions)
        retries = Counter(label: "waybill_storage_retries", dimensions: dimensions)
    }

    func committed(_ count: Int, since start: UInt64) {
        commits.increment()
        batchSize.record(count)
        commitTime.recordNanoseconds(Int64(DispatchTime.now().uptimeNanoseconds - start))
    }

    func retried() { retries.increment() }
}
