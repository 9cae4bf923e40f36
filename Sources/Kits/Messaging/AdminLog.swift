import Storage
import Wire

/// What people did to a service's data beside its ordinary life: a row in the transaction of the deed.
public enum AdminLog {
    /// The statements of a migration that make its table.
    public static let statements = [
        """
        CREATE TABLE admin_actions (id {id} PRIMARY KEY, at {int} NOT NULL, actor {text} NOT NULL, action {text} NOT NULL, subject {text} NOT NULL,
        before {text} NOT NULL, after {text} NOT NULL) {clustered}
        """
    ]

    private static let insert = SQL("INSERT INTO admin_actions (id, at, actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)")

    /// Records a deed.
    /// - Parameters:
    ///   - actor: who did it, as they gave their name.
    ///   - subject: what it was done to, such as `order 0190...`.
    public static func record(
        actor: String, action: String, subject: String, before: String, after: String, in transaction: any Transaction, context: ServiceContext
    ) throws {
        let now = context.now
        try transaction.execute(
            insert,
            each: [[.id(context.newID(at: now)), .time(now), .text(actor), .text(action), .text(subject), .text(before), .text(after)]])
    }
}
