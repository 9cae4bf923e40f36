import HTTPTypes
import Web
import Wire

/// One record of what administrators did, wherever it is kept: `GET /admin/actions` has what Operations reads in the services' databases, and Identity keeps its own, which
/// no other process may open. The entry, which offers both, shows them as one list.
struct AllActions: Sendable {
    private static let path = "/admin/actions"
    private static let identityPath = "/identity/actions"

    let operations: Route
    let identity: Route

    /// The same routes, but for the list, which has Identity's actions in it as well where this process offers both.
    static func joined(_ routes: [Route]) -> [Route] {
        guard let identity = routes.first(where: { $0.method == .get && $0.path == identityPath }),
            let index = routes.firstIndex(where: { $0.method == .get && $0.path == path })
        else { return routes }
        let both = AllActions(operations: routes[index], identity: identity)
        var routes = routes
        let isForwarded = both.operations.isForwarded || identity.isForwarded
        routes[index] = isForwarded ? both.operations.forwarded { try await both.list($0) } : both.operations.handled { try await both.list($0) }
        return routes
    }

    /// Both lists are the newest first and go on behind the same identifiers, so that a page of both is made of a page of each.
    private func list(_ request: WebRequest) async throws -> WebResponse {
        let first = try await operations.handle(request)
        // Who may not read what Identity knows is shown the rest.
        guard first.status == .ok, case .allowed = identity.access.verdict(on: request.principal) else { return first }
        let second = try await identity.handle(asked(of: request))
        // A record with a part missing would look like one in which nothing was done.
        guard second.status == .ok else { return second }
        let page = try Page(request)
        let pages = try [first, second].map(AllActions.page)
        let items = pages.flatMap(\.items).sorted { $0.id > $1.id }
        let shown = items.prefix(page.limit)
        let hasMore = items.count > shown.count || pages.contains(where: \.hasMore)
        return .json(capacity: 256 * (shown.count + 1)) { json in
            json.key("items")
            json.array(shown) { $0.value($1.json) }
            if hasMore, let last = shown.last { json.member("nextCursor", Page.cursor(of: last.id)) }
        }
    }

    /// The same question to Identity.
    private func asked(of request: WebRequest) -> WebRequest {
        let path = request.path.replacing(AllActions.path, with: AllActions.identityPath)
        let query = request.target.firstIndex(of: "?").map { String(request.target[$0...]) } ?? ""
        return WebRequest(
            method: request.method, path: path, query: request.query, headers: request.headers, id: request.id, target: path + query,
            deadline: request.deadline, clientAddress: request.clientAddress, principal: request.principal)
    }

    private struct Item {
        let id: Identifier
        let json: JSONValue
    }

    private static func page(_ response: WebResponse) throws -> (items: [Item], hasMore: Bool) {
        guard case .bytes(let bytes) = response.body, let json = try? JSONParser.parse(bytes), let items = json["items"]?.array else {
            throw Problem(.badGateway, "bad-upstream-answer", "A part of the record of actions cannot be read. Try again.", headers: [.retryAfter: "1"])
        }
        return (
            items.compactMap { item in item["id"]?.string.flatMap { Identifier($0) }.map { Item(id: $0, json: item) } }, json["nextCursor"] != nil
        )
    }
}
