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
        return page.response(actions, id: \.id) { json, action in
            json.object { json in
                json.member("id", action.id)
                json.member("at", action.at)
                json.member("actor", action.actor)
                json.member("action", action.action)
                json.member("subject", action.subject)
                if let before = action.before {
                    json.key("before")
                    json.raw(before)
                }
                if let after = action.after {
                    json.key("after")
                    json.raw(after)
                }
            }
        }
    }
}
