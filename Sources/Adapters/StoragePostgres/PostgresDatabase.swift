import Dispatch
import Logging
import Storage

/// A service's database in PostgreSQL: writers that commit in groups, readers beside them, each on a connection and a thread of its own.
///
/// That the server is away is an outage: reads and writes wait for it, within ``Configuration/patience``, and fail with ``StorageError/away``. A commit whose
/// answer was lost is found out about; where that cannot be done it fails with ``StorageError/uncertain(_:)``.
public final class PostgresDatabase: Database {
    public let name: String
    let factory: ConnectionFactory
    let logger: Logger
    private let work: WorkQueue
    private let writers: [PostgresWriter]
    private let readers: PostgresReaders
    let signals: PostgresSignals

    /// A database at this place; nothing is connected yet.
    /// - Throws: ``StorageError`` for a configuration that makes no sense.
    public init(name: String, configuration: Configuration) throws {
        self.name = name
        let factory = try ConnectionFactory(name: name, configuration: configuration)
        var logger = Logger(label: "waybill.storage")
        logger[metadataKey: "database"] = "\(name)"
        let writers = configuration.isExclusive ? 1 : max(1, configuration.writers)
        let work = WorkQueue(workers: writers, maximumWaiting: configuration.maximumWaiting, maximumBatch: configuration.maximumBatch)
        let readers = PostgresReaders(factory, logger: logger)
        let meters = CommitMeters(database: name)
        self.writers = (0..<writers).map { number in
            PostgresWriter(number, factory, work, meters, logger: logger) { error in
                readers.breakDown(error)
                configuration.onBroken(error)
            }
        }
        signals = PostgresSignals(factory, logger: logger)
        (self.factory, self.logger, self.work, self.readers) = (factory, logger, work, readers)
    }

    /// Connects, so that what is wrong with the configuration or the server is known before anything depends on it.
    /// - Throws: ``StorageError`` with what the server said.
    public func open() async throws {
        let text: String? = try await withCheckedThrowingContinuation { continuation in
            writers[0].queue.async { [writer = writers[0]] in continuation.resume(with: Result { try writer.connectNow() }) }
        }
        if let text { throw StorageError.failed("cannot connect to PostgreSQL at \(factory.server.description): \(text)") }
    }

    /// How many writes wait; a gauge.
    public var waitingWrites: Int { work.count }

    public func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            let write = Pending(body: body, continuation: continuation)
            switch work.add(write) {
            case .waits: break
            case .starts(let number): writers[number].queue.async { [writer = writers[number]] in writer.drain() }
            case .hurries(let number): writers[number].wake.give()
            case .refused(let error): write.fail(error)
            }
        }
    }

    public func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        if work.isClosed { throw StorageError.closed }
        return try await readers.read(body)
    }

    public func migrate(_ migrations: [Migration], owner: String) async throws {
        let schema = factory.configuration.schema
        try await write { transaction in
            guard let transaction = transaction as? PostgresTransaction else { throw StorageError.failed("migrations run in a transaction of their own") }
            try PostgresSchema.migrate(migrations, owner: owner, schema: schema, in: transaction)
        }
    }

    public func endPatience() {
        work.hurry()
        for writer in writers { writer.wake.give() }
        readers.endPatience()
    }

    public func close() async {
        guard work.close() else { return }
        for writer in writers { writer.wake.give() }
        await readers.close()
        for writer in writers {
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                writer.queue.async {
                    writer.drain()
                    writer.link.drop()
                    done.resume()
                }
            }
        }
        await signals.close()
    }
}
