import Dispatch
import Storage

/// Keeps a second process from writing to an exclusive database: a lock that the server holds for as long as the writer's connection lives, and a count of the
/// processes that have held it. Confined to the writer's queue.
///
/// After a lost connection the lock is free for a moment. The count tells whether another process had it meanwhile and may have written: then what this one
/// knows is out of date, and it must stop.
final class ExclusiveLock {
    /// The lock's number: FNV-1a of a text of ours, so that others' advisory locks do not meet it. Advisory locks belong to a database, hence the schema in it.
    private let number: Int64
    /// How often the lock had been taken for the first time by a process when we did so.
    private var epoch: Int64?
    private var lastBackend: Int32?
    /// Since when somebody else has it, in nanoseconds of the monotonic clock.
    private var refusedSince: UInt64?
    /// How long a process that has just ended may take to let go.
    private static let handOverTime: UInt64 = 5_000_000_000

    /// Whether this process has had the lock.
    var wasHeld: Bool { epoch != nil }

    init(schema: String?) { number = AdvisoryLock.number(of: "waybill writer of \(schema ?? "public")") }

    /// Takes the lock on a new connection, before it is put into use.
    /// - Throws: ``PostgresFailure/refused(_:)`` with ``StorageError/broken(_:)`` where another process has it and keeps it, or had it; ``PostgresFailure/lost(_:)`` where
    ///   it may become free: our own former connection has it, which the server is told to end, or a process that may be about to end.
    func take(on connection: PostgresConnection) throws {
        guard try connection.query("SELECT pg_try_advisory_lock(\(number))") == 1 else { throw try refusal(connection) }
        try count(connection)
        (lastBackend, refusedSince) = (connection.backend, nil)
    }

    private func count(_ connection: PostgresConnection) throws {
        // A row and not a sequence: after a crash of the server a sequence is some numbers further, as if somebody else had taken them.
        try connection.query("CREATE TABLE IF NOT EXISTS exclusive_possession (id int PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL)")
        guard let epoch else {
            epoch = try connection.query(
                """
                INSERT INTO exclusive_possession AS known (id, epoch) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET epoch = known.epoch + 1 RETURNING epoch
                """)
            return
        }
        let now = try connection.query("SELECT epoch FROM exclusive_possession")
        guard now == epoch else {
            throw PostgresFailure.refused(.broken("another process has written to the exclusive database \(connection.databaseName) meanwhile"))
        }
    }

    private func refusal(_ connection: PostgresConnection) throws -> PostgresFailure {
        let (classID, objectID) = (UInt32(truncatingIfNeeded: number >> 32), UInt32(truncatingIfNeeded: number))
        let holder = try connection.query(
            """
            SELECT pid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = \(classID)::bigint::oid AND objid = \(objectID)::bigint::oid
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
        if let holder, let lastBackend, holder == Int64(lastBackend) {
            // The server has not noticed yet that our former connection is dead.
            try connection.query("SELECT pg_terminate_backend(\(lastBackend))")
            return .lost("the former connection still holds the lock of the exclusive database")
        }
        // Whoever held it has let go between the two questions.
        guard let holder else { return .lost("the lock of the exclusive database is changing hands") }
        let now = DispatchTime.now().uptimeNanoseconds
        let since = refusedSince ?? now
        refusedSince = since
        let text = "another process (server process \(holder)) has the exclusive database \(connection.databaseName): stop it, or give this one its own"
        return now - since < ExclusiveLock.handOverTime ? .lost(text) : .refused(.broken(text))
    }
}

/// Numbers of PostgreSQL's advisory locks.
enum AdvisoryLock {
    /// FNV-1a (64 bits) of a name.
    static func number(of name: String) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}
