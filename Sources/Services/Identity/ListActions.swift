import Messaging
import Storage
import Web
import Wire

/// `GET /identity/actions`: what administrators did to keys, clients, users and logins, the newest first.
struct ListActions: Sendable {
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let filter = AdminActionFilter(
            actor: try request.parameter("actor"), action: try request.parameter("action"), subject: try request.parameter("subject"))
        let actions = try await database.read { try AdminLog.list(filter, before: page.after, limit: page.limit + 1, in: $0) }
        return page.response(actions, id: \.id) { json, action in action.write(to: &json) }
    }
}
