import Storage
import Wire

/// A call to the outside that a transaction decided on, with the key that makes it safe to repeat.
public struct Job: Sendable {
    /// The idempotency key for the other side; the same at every attempt.
    public let id: Identifier
    /// Which handler performs it.
    public let kind: String
    /// What it is about, usually the order.
    public let key: Identifier
    /// The handler's own data, JSON.
    public let payload: String
    /// Attempts that failed so far.
    public let attempts: Int64
    /// What the payload says, where this process has just written it: spares its handler from reading it back. Nil for a job out of the table.
    public let content: (any Sendable)?

    /// A job that has not been tried.
    public init(id: Identifier, kind: String, key: Identifier, payload: String, attempts: Int64 = 0, content: (any Sendable)? = nil) {
        (self.id, self.kind, self.key, self.payload, self.attempts, self.content) = (id, kind, key, payload, attempts, content)
    }
}

/// The jobs table of one service's database.
public struct JobQueue: Sendable {
    private let offer: @Sendable (Job) -> Void
    private let claimMilliseconds: Int64
    static let insert = SQL("INSERT INTO jobs (id, kind, key, payload, attempts, due_at) VALUES ($1, $2, $3, $4, 0, $5)")
    private static let select = SQL("SELECT id, kind, key, payload, attempts FROM jobs WHERE due_at <= $1 ORDER BY due_at LIMIT $2")
    private static let claim = SQL("UPDATE jobs SET due_at = $3 WHERE id = $1 AND due_at <= $2")
    private static let delete = SQL("DELETE FROM jobs WHERE id = $1")
    private static let postpone = SQL("UPDATE jobs SET attempts = $2, due_at = $3, error = $4 WHERE id = $1")
    private static let count = SQL("SELECT count(*) FROM jobs")

    /// A queue that offers committed jobs to a runner at once.
    /// - Parameter claimMilliseconds: for how long whoever wrote or took a job has it to itself, where other processes work on the same table; longer than a
    ///   call may take. 0 where there is one process. A process that dies leaves its jobs to the others when this is over.
    public init(claimMilliseconds: Int64 = 0, offer: @escaping @Sendable (Job) -> Void) {
        (self.claimMilliseconds, self.offer) = (claimMilliseconds, offer)
    }

    /// Writes jobs with the state change that decided on them; the runner gets them after the commit.
    public func enqueue(_ jobs: [Job], at now: Timestamp, in transaction: any Transaction) throws {
        guard !jobs.isEmpty else { return }
        try transaction.execute(
            JobQueue.insert,
            each: jobs.map {
                [.id($0.id), .text($0.kind), .id($0.key), .text($0.payload), .time(now.advanced(byMilliseconds: claimMilliseconds))]
            })
        transaction.onCommit { [offer] in for job in jobs { offer(job) } }
    }

    static func due(at now: Timestamp, limit: Int, in transaction: any ReadTransaction) throws -> [Job] {
        try transaction.query(select, [.time(now), .integer(Int64(limit))]) {
            Job(id: $0.id(0), kind: $0.text(1), key: $0.id(2), payload: $0.text(3), attempts: $0.integer(4))
        }
    }

    /// Takes due jobs for this process alone, for a while; another process that looks at the same time gets others.
    static func claim(at now: Timestamp, until end: Timestamp, limit: Int, in transaction: any Transaction) throws -> [Job] {
        let jobs = try due(at: now, limit: limit, in: transaction)
        let counts = try transaction.executeCounting(claim, each: jobs.map { [.id($0.id), .time(now), .time(end)] })
        return zip(jobs, counts).compactMap { $1 == 1 ? $0 : nil }
    }

    /// Removes finished jobs; false for one that was finished before, so that an outcome is recorded once.
    static func finish(_ jobs: [Job], in transaction: any Transaction) throws -> [Bool] {
        try transaction.executeCounting(delete, each: jobs.map { [.id($0.id)] }).map { $0 == 1 }
    }

    static func postpone(_ job: Job, attempts: Int64, until due: Timestamp, error: String, in transaction: any Transaction) throws {
        try transaction.execute(postpone, [.id(job.id), .integer(attempts), .time(due), .text(error)])
    }

    /// How many jobs wait or run.
    public static func count(in transaction: any ReadTransaction) throws -> Int64 { try transaction.first(count) { $0.integer(0) } ?? 0 }
}
