import Contracts
import Storage
import Wire

/// The service's table. Its primary key is the promise S14: one notification per order, kind and channel.
enum NotificationTable {
    struct Row: Sendable {
        let id: Identifier
        let orderID: OrderID
        let kind: NotificationKind
        let channel: String
        let status: NotificationState.Status
        let attempts: Int64
        let createdAt: Timestamp
        let sentAt: Timestamp?
        let error: String?
    }

    static let statements = [
        """
        CREATE TABLE notifications (order_id {id} NOT NULL, kind {int} NOT NULL, channel {text} NOT NULL, id {id} NOT NULL, status {int} NOT NULL,
        attempts {int} NOT NULL, created_at {int} NOT NULL, sent_at {int}, error {text}, PRIMARY KEY (order_id, kind, channel)) {clustered}
        """
    ]

    private static let insert = SQL(
        """
        INSERT INTO notifications (order_id, kind, channel, id, status, attempts, created_at) VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (order_id, kind, channel) DO NOTHING
        """)
    private static let finish = SQL(
        """
        UPDATE notifications SET status = $4, attempts = $5, sent_at = $6, error = $7 WHERE order_id = $1 AND kind = $2 AND channel = $3 AND status = $8
        """)
    private static let ofOrder = SQL(
        "SELECT id, kind, channel, status, attempts, created_at, sent_at, error FROM notifications WHERE order_id = $1 ORDER BY id")

    /// Adds notifications that are to be sent; those that exist are left as they are.
    /// - Returns: whether each was added.
    static func add(_ notifications: [PendingNotification], at now: Timestamp, in transaction: any Transaction) throws -> [Bool] {
        try transaction.executeCounting(
            insert,
            each: notifications.map {
                [
                    .id($0.orderID), .integer($0.kind.code), .text($0.channel), .id($0.id), .integer(NotificationState.Status.pending.rawValue), .time(now),
                ]
            }
        ).map { $0 == 1 }
    }

    /// Writes how notifications ended; false for one that had ended before.
    static func finish(_ outcomes: [SendNotification.Outcome], at now: Timestamp, in transaction: any Transaction) throws -> [Bool] {
        try transaction.executeCounting(
            finish,
            each: outcomes.map { outcome in
                let (notification, state) = (outcome.notification, outcome.state)
                return [
                    .id(notification.orderID), .integer(notification.kind.code), .text(notification.channel), .integer(state.status.rawValue),
                    .integer(state.attempts), outcome.effect == .tellSent ? .time(now) : .null, .optional(outcome.failure),
                    .integer(NotificationState.Status.pending.rawValue),
                ]
            }
        ).map { $0 == 1 }
    }

    /// An order's notifications, oldest first.
    static func list(of order: OrderID, in transaction: any ReadTransaction) throws -> [Row] {
        try transaction.query(ofOrder, [.id(order)]) { row in
            guard let kind = NotificationKind(code: row.integer(1)), let status = NotificationState.Status(rawValue: row.integer(3)) else {
                throw StorageError.failed("a notification of order \(order) has an unknown kind or status")
            }
            return Row(
                id: row.id(0), orderID: order, kind: kind, channel: row.text(2), status: status, attempts: row.integer(4), createdAt: row.time(5),
                sentAt: row.optionalTime(6), error: row.optionalText(7))
        }
    }
}

extension NotificationKind {
    /// A small number for the database; never renumbered.
    var code: Int64 {
        switch self {
        case .confirmation: 1
        case .cancellation: 2
        case .failure: 3
        case .shipping: 4
        case .delivery: 5
        case .refund: 6
        }
    }

    init?(code: Int64) {
        guard let kind = NotificationKind.allCases.first(where: { $0.code == code }) else { return nil }
        self = kind
    }
}
