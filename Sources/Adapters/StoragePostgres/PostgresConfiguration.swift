import Storage

extension PostgresDatabase {
    /// Where the database is and how it behaves; the defaults are those of the product.
    public struct Configuration: Sendable {
        /// A URI (`postgres://user@host:5432/database?sslmode=verify-full&sslrootcert=...`) or keywords (`host=... dbname=...`), as libpq understands them; several
        /// hosts may be named. Whatever is not in it comes from libpq's environment variables and files (PGPASSFILE, a service file).
        public var connection: String
        /// A schema of its own in that database, so that several services can share it; made where it is missing. Nil for the database's `public`.
        public var schema: String?
        /// Connections that write, each in transactions of its own. With several there is no one order of commits in this process.
        public var writers = 1
        /// Connections that read beside them. All connections are opened when first needed.
        public var readers = 2
        /// A busy writer begins a transaction at most this often, so that more callers share a commit; an idle one begins at once.
        public var commitInterval: Duration = .milliseconds(4)
        /// The most closures in one transaction.
        public var maximumBatch = 512
        /// The most closures that may wait, of writes and of reads each, before ``StorageError/overloaded``.
        public var maximumWaiting = 20_000
        /// How long one statement may take.
        public var statementTimeout: Duration = .seconds(30)
        /// How long a transaction may stand still before the server ends it: a process that was stopped must not hold locks for ever.
        public var idleInTransactionTimeout: Duration = .seconds(30)
        /// How long connecting may take, per address.
        public var connectTimeout: Duration = .seconds(5)
        /// How long a read or write waits for a server that is away before it fails with ``StorageError/away``.
        public var patience: Duration = .seconds(10)
        /// What operators see in `pg_stat_activity`, with the database's name behind it.
        public var applicationName = "waybill"
        /// Whether this process alone may write. It is what the hand-over of events in memory needs, which relies on one order of commits: then there is one writer,
        /// which holds a lock on the server for as long as the process lives.
        public var isExclusive = false
        /// Whether the database itself is made where it is missing (with the UTF8 encoding and the C collation), by the first connection that writes.
        public var createIfMissing = false
        /// Called once when this process can no longer be sure of its database: another process has taken an exclusive one over, or what became of a commit that
        /// events depended on cannot be found out. It must stop and recover.
        public var onBroken: @Sendable (StorageError) -> Void = { _ in }

        /// A configuration for the database at this place.
        public init(connection: String) { self.connection = connection }
    }
}
