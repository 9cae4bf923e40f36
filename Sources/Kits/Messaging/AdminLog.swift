import Storage
import Wire

/// Something that an administrator did: who, what, when, and how things were before and after.
public struct AdminAction: Sendable {
    /// The row's own id; later actions have higher ones.
    public let id: Identifier
    /// When it was done.
    public let at: Timestamp
    /// Who did it, as the gateway knows the caller.
    public let actor: String
    /// What was done, as a verb with its subject's kind: `dead-letter.redrive`.
    public let action: String
    /// What it was done to.
    public let subject: String
    /// JSON; nil where there was nothing.
    public let before: [UInt8]?
    /// JSON; nil where nothing is left.
    public let after: [UInt8]?
}

/// Which actions are asked for.
public struct AdminActionFilter: Sendable {
    /// Only what this actor did; nil for everybody.
    public var actor: String?
    /// Only this kind of action; nil for all.
    public var action: String?
    /// Only what was done to this; nil for everything.
    public var subject: String?
    public init(actor: String? = nil, action: String? = nil, subject: String? = nil) { (self.actor, self.action, self.subject) = (actor, action, subject) }
}

/// The record of what administrators did, in the same database and the same transaction as what they did, so that neither exists without the other.
/// Rows are never changed and never pruned.
public struct AdminLog: Sendable {
    private static let insert = SQL("INSERT INTO admin_actions (id, at, actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)")
    private static let select = SQL(
        """
        SELECT id, at, actor, action, subject, before, after FROM admin_actions
        WHERE id < $1 AND (actor = $2 OR $2 IS NULL) AND (action = $3 OR $3 IS NULL) AND (subject = $4 OR $4 IS NULL) ORDER BY id DESC LIMIT $5
        """)
    private let context: ServiceContext

    /// A record whose rows get their time and id from this context.
    public init(context: ServiceContext) { self.context = context }

    /// Adds a row.
    /// - Parameters:
    ///   - before: how things were, as JSON.
    ///   - after: how they are now, as JSON.
    public func record(
        actor: String, action: String, subject: String, before: [UInt8]?, after: [UInt8]?, in transaction: any Transaction
    ) throws {
        let now = context.now
        func text(_ json: [UInt8]?) -> SQLValue { .optional(json.map { String(decoding: $0, as: UTF8.self) }) }
        try transaction.execute(
            AdminLog.insert, [.id(context.newID(at: now)), .time(now), .text(actor), .text(action), .text(subject), text(before), text(after)])
    }

    /// Adds a row that tells in words how things were and how they are now.
    public func record(actor: String, action: String, subject: String, before: String, after: String, in transaction: any Transaction) throws {
        func json(_ words: String) -> [UInt8] {
            var json = JSONWriter(capacity: words.utf8.count + 8)
            json.string(words)
            return json.bytes
        }
        try record(actor: actor, action: action, subject: subject, before: json(before), after: json(after), in: transaction)
    }

    /// The newest actions before one of them.
    public static func list(_ filter: AdminActionFilter, before id: Identifier?, limit: Int, in transaction: any ReadTransaction) throws -> [AdminAction] {
        let start = id ?? Identifier(high: .max, low: .max)
        return try transaction.query(
            select, [.id(start), .optional(filter.actor), .optional(filter.action), .optional(filter.subject), .integer(Int64(limit))]
        ) { row in
            AdminAction(
                id: row.id(0), at: row.time(1), actor: row.text(2), action: row.text(3), subject: row.text(4),
                before: row.optionalText(5).map { Array($0.utf8) }, after: row.optionalText(6).map { Array($0.utf8) })
        }
    }
}
