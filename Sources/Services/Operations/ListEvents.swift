import Contracts
import Storage
import Web
import Wire

/// `GET /events`: the log in pages. `next` is the place to go on from, whether there is more by now or only later.
struct ListEvents: Sendable {
    /// A rare type is not searched for without bound: after this many events the page ends, perhaps empty, and `more` tells to go on.
    private static let maximumLooked = 50_000
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let after = try request.integer("after", in: 0...Int.max, default: 0)
        let limit = try request.integer("limit", in: 1...1000, default: 100)
        let filter = EventFilter(types: try request.eventTypes())
        let page = try await database.read { try ListEvents.page(filter, after: Int64(after), limit: limit, in: $0) }
        return .json(capacity: 768 * (page.events.count + 1)) { json in
            json.key("items")
            json.array(page.events) { json, event in
                json.object { json in
                    json.member("sequence", event.sequence)
                    json.key("body")
                    json.raw(event.body)
                }
            }
            json.member("next", page.last)
            json.member("more", !page.isEnd)
        }
    }

    private static func page(_ filter: EventFilter, after: Int64, limit: Int, in transaction: any ReadTransaction) throws -> EventArchive.Page {
        var page = EventArchive.Page(last: after, isEnd: false)
        var looked = 0
        while page.events.count < limit, looked < maximumLooked, !page.isEnd {
            let step = filter.types == nil ? limit - page.events.count : 1000
            let piece = try EventArchive.page(filter, after: page.last, limit: step, in: transaction)
            looked += step
            page.events += piece.events
            (page.last, page.isEnd) = (piece.last, piece.isEnd)
        }
        if page.events.count > limit {
            page.events.removeLast(page.events.count - limit)
            page.last = page.events.last?.sequence ?? page.last
            page.isEnd = false
        }
        return page
    }
}

extension WebRequest {
    /// The known event types in the parameter `type`, a list with commas; nil when it is not given.
    func eventTypes() throws(Problem) -> Set<String>? {
        guard let text = try parameter("type") else { return nil }
        let types = text.split(separator: ",").map(String.init)
        if let unknown = types.first(where: { EventCatalog.registry[$0] == nil }) { throw Problem.badParameter("type", "names no type of event: \(unknown)") }
        guard !types.isEmpty else { throw Problem.badParameter("type", "must name at least one type of event") }
        return Set(types)
    }
}
