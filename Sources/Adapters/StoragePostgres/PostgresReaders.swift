import Dispatch
import Logging
import Storage

/// Connections that read beside the writers; whichever is free takes what has waited for longest.
final class PostgresReaders: Sendable {
    private let work: WorkQueue
    private let readers: [PostgresReader]

    init(_ factory: ConnectionFactory, logger: Logger) {
        let count = max(1, factory.configuration.readers)
        let work = WorkQueue(workers: count, maximumWaiting: factory.configuration.maximumWaiting, maximumBatch: 1)
        self.work = work
        readers = (0..<count).map { PostgresReader($0, factory, work, logger: logger) }
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            let read = Pending<T>(body: { try body($0) }, continuation: continuation)
            switch work.add(read) {
            case .waits, .hurries: break
            case .starts(let number): readers[number].queue.async { [reader = readers[number]] in reader.drain() }
            case .refused(let error): read.fail(error)
            }
        }
    }

    /// Refuses whatever comes, because of this.
    func breakDown(_ error: StorageError) { for entry in work.breakDown(error) ?? [] { entry.work.fail(error) } }

    /// Nobody waits any more for a server that is away.
    func endPatience() {
        work.hurry()
        for reader in readers { reader.pause.give() }
    }

    func close() async {
        _ = work.close()
        for reader in readers {
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                reader.queue.async {
                    reader.drain()
                    reader.close()
                    done.resume()
                }
            }
        }
    }
}

/// One connection that reads. Everything here runs on its queue.
final class PostgresReader: @unchecked Sendable {
    private static let attempts = 3

    let queue: DispatchQueue
    private let number: Int
    private let work: WorkQueue
    private let link: ServerLink
    private let patience: UInt64
    /// Ends a pause.
    let pause = WakeSignal()

    init(_ number: Int, _ factory: ConnectionFactory, _ work: WorkQueue, logger: Logger) {
        (self.number, self.work) = (number, work)
        patience = UInt64(max(0, factory.configuration.patience.nanoseconds))
        queue = DispatchQueue(label: "waybill.postgres.\(factory.name).reader\(number)")
        link = ServerLink(factory, .reading, logger: logger)
    }

    /// Runs until nothing waits.
    func drain() {
        while let entry = work.take(number).first { run(entry) }
    }

    func close() { link.drop() }

    private func run(_ entry: WorkQueue.Entry) {
        var tries = 0
        while true {
            do {
                let connection = try link.open()
                try read(entry, on: connection)
                return
            } catch PostgresFailure.refused(let error) {
                return entry.work.fail(error)
            } catch let failure as PostgresFailure {
                // Nothing is lost by reading again: the server was away, or the schema has changed under a prepared statement.
                link.drop()
                tries += 1
                if link.nextAttempt == 0, tries > PostgresReader.attempts { return entry.work.fail(failure.storageError) }
                let isLate = DispatchTime.now().uptimeNanoseconds > entry.since &+ patience
                if isLate || work.isHurried { return entry.work.fail(failure.storageError) }
                pause.wait(until: link.nextAttempt)
            } catch {
                return entry.work.fail(error)
            }
        }
    }

    private func read(_ entry: WorkQueue.Entry, on connection: PostgresConnection) throws {
        let transaction = PostgresTransaction(connection, isReader: true)
        do {
            try entry.work.perform(transaction)
            try transaction.endReading()
        } catch {
            let failure = connection.failure
            if !transaction.rollBack() { link.drop() }
            if let failure { throw failure }
            throw error
        }
        // The caller need not wait for the server's word that the transaction has ended.
        entry.work.succeed()
        do { try connection.receive() } catch { link.drop() }
    }
}
