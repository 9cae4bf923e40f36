import Storage
import Web
import Wire

/// `GET /notifications?orderId=`: what an order's customer was told, oldest first.
struct ListNotifications: Sendable {
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        guard let order = try request.parameter("orderId").flatMap({ Identifier($0) }) else {
            throw Problem.badParameter("orderId", "is required and must be the UUID of an order")
        }
        let rows = try await database.read { try NotificationTable.list(of: order, in: $0) }
        return .json(capacity: 300 * (rows.count + 1)) { json in
            json.key("items")
            json.array(rows) { json, row in
                json.object { json in
                    json.member("id", row.id)
                    json.member("orderId", row.orderID)
                    json.member("kind", row.kind.rawValue)
                    json.member("channel", row.channel)
                    json.member("status", row.status.name)
                    json.member("attempts", row.attempts)
                    json.member("createdAt", row.createdAt)
                    json.optional("sentAt", row.sentAt)
                    json.optional("error", row.error)
                }
            }
        }
    }
}
