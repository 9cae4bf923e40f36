import Contracts
import Storage
import Wire

/// What the audit in the background found, and how far it is, as rows: one process audits, every process of Operations tells of it, and whoever audits next goes on from there.
enum AuditTable {
    static let statements = [
        """
        CREATE TABLE audit_findings (rule {text} NOT NULL, kind {int} NOT NULL, subject {text} NOT NULL, evidence {text} NOT NULL, proposal {text} NOT NULL,
        repairable {int} NOT NULL, since {int} NOT NULL, PRIMARY KEY (rule, kind, subject)) {clustered}
        """,
        """
        CREATE TABLE audit_progress (id {int} PRIMARY KEY CHECK (id = 1), last_at {int}, swept_at {int}, swept {int} NOT NULL, open {int} NOT NULL,
        overdue {int} NOT NULL, oldest {id}) {clustered}
        """,
        "INSERT INTO audit_progress (id, swept, open, overdue) VALUES (1, 0, 0, 0)",
    ]

    private static let upsert = SQL(
        """
        INSERT INTO audit_findings (rule, kind, subject, evidence, proposal, repairable, since) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (rule, kind, subject) DO UPDATE SET evidence = excluded.evidence, proposal = excluded.proposal, repairable = excluded.repairable,
        since = excluded.since
        """)
    private static let delete = SQL("DELETE FROM audit_findings WHERE rule = $1 AND kind = $2 AND subject = $3")
    private static let all = SQL("SELECT rule, kind, subject, evidence, proposal, repairable, since FROM audit_findings ORDER BY since, rule LIMIT $1")
    private static let setProgress = SQL(
        "UPDATE audit_progress SET last_at = $1, swept_at = $2, swept = $3, open = $4, overdue = $5, oldest = $6 WHERE id = 1")
    private static let progress = SQL("SELECT last_at, swept_at, swept, open, overdue, oldest FROM audit_progress WHERE id = 1")

    static func save(_ open: [AuditKeeper.Open], in transaction: any Transaction) throws {
        try transaction.execute(
            upsert,
            each: open.map { open in
                key(open.finding.rule, open.finding.subject) + [
                    .text(open.finding.evidence), .text(open.finding.proposal), .bool(open.isRepairable), .time(open.since),
                ]
            })
    }

    static func remove(_ keys: [AuditKeeper.Key], in transaction: any Transaction) throws {
        try transaction.execute(delete, each: keys.map { key($0.rule, $0.subject) })
    }

    /// Oldest first.
    static func load(limit: Int, in transaction: any ReadTransaction) throws -> [AuditKeeper.Open] {
        try transaction.query(all, [.integer(Int64(limit))]) { row -> AuditKeeper.Open? in
            guard let subject = subject(row.integer(1), row.text(2)) else { return nil }
            let finding = AuditFinding(rule: row.text(0), subject: subject, evidence: row.text(3), proposal: row.text(4), action: nil)
            return AuditKeeper.Open(finding: finding, since: row.time(6), isRepairable: row.bool(5))
        }.compactMap(\.self)
    }

    static func save(_ progress: AuditKeeper.Progress, in transaction: any Transaction) throws {
        try transaction.execute(
            setProgress,
            [
                .optional(progress.lastAt?.milliseconds), .optional(progress.sweptAt?.milliseconds), .integer(Int64(progress.swept)),
                .integer(progress.open.count), .integer(progress.open.overdue), .optional(progress.open.oldest),
            ])
    }

    static func loadProgress(in transaction: any ReadTransaction) throws -> AuditKeeper.Progress {
        let found = try transaction.first(progress) { row in
            var progress = AuditKeeper.Progress()
            (progress.lastAt, progress.sweptAt, progress.swept) = (row.optionalTime(0), row.optionalTime(1), Int(row.integer(2)))
            progress.open = OpenOrders(count: row.integer(3), overdue: row.integer(4), oldest: row.optionalID(5))
            return progress
        }
        return found ?? AuditKeeper.Progress()
    }

    private static func key(_ rule: String, _ subject: AuditFinding.Subject) -> [SQLValue] {
        switch subject {
        case .order(let id): [.text(rule), .integer(1), .text("\(id)")]
        case .product(let id): [.text(rule), .integer(2), .text("\(id)")]
        case .service(let name): [.text(rule), .integer(3), .text(name)]
        }
    }

    private static func subject(_ kind: Int64, _ text: String) -> AuditFinding.Subject? {
        switch kind {
        case 1: Identifier(text).map { .order($0) }
        case 2: Identifier(text).map { .product($0) }
        case 3: .service(text)
        default: nil
        }
    }
}
