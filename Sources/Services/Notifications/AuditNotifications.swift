import Contracts
import Storage
import Wire

/// Notifications as a witness.
struct NotificationsOnRecord: NotificationWitness {
    let database: any Database
    private static let notifications = SQL("SELECT order_id, id, kind, channel, status FROM notifications WHERE order_id >= $1 AND order_id <= $2")

    func notifications(in ranges: [OrderRange]) async throws -> [NotificationTestimony] {
        let keys = ranges.map { [SQLValue.id($0.first), .id($0.last)] }
        return try await database.read { transaction in
            try transaction.query(NotificationsOnRecord.notifications, each: keys) { row in
                let status: NotificationTestimony.Status? = NotificationState.Status(rawValue: row.integer(4)).map {
                    switch $0 {
                    case .pending: .pending
                    case .sent: .sent
                    case .failed: .failed
                    }
                }
                return NotificationTestimony(
                    orderID: row.id(0), id: row.id(1), kind: NotificationKind(code: row.integer(2)), channel: row.text(3), status: status)
            }
        }
    }
}

extension NotificationsService {
    /// What Notifications says to an auditor.
    public var witness: any NotificationWitness { NotificationsOnRecord(database: database) }
}
