import Messaging
import Storage
import Web
import Wire

/// Dead letters to look at.
struct DeadLetterListing: Sendable {
    let desks: DeadLetterDesks
    /// The database with the archive of all events.
    let timeline: any Database
    let now: @Sendable () -> Timestamp

    /// `GET /admin/dead-letters`: newest event first, or counted with `groupBy=error`.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let query = try DeadLetterQuery(request, desks: desks, now: now())
        if let groupBy = try request.parameter("groupBy") {
            guard groupBy == "error" else { throw Problem.badParameter("groupBy", "must be \"error\"") }
            return try await groups(query)
        }
        let limit = try request.integer("limit", in: 1...500, default: 50)
        var place: DeadLetterID?
        if let cursor = try request.parameter("cursor") {
            guard let id = DeadLetterID(cursor) else { throw Problem.badParameter("cursor", "is not one that was given out") }
            place = id
        }
        var letters: [DeadLetter] = []
        for desk in desks.of(query.consumer) { letters += try await desk.list(query.filter, after: place, limit: limit + 1) }
        letters.sort { DeadLetterID.isListed($0.id, before: $1.id) }
        let shown = letters.prefix(limit)
        let next = letters.count > limit ? shown.last?.id.description : nil
        return .json(capacity: 512 * (shown.count + 1)) { json in
            json.key("items")
            json.array(shown) { json, letter in json.object { DeadLetterJSON.write(letter, to: &$0) } }
            json.optional("nextCursor", next)
        }
    }

    private func groups(_ query: DeadLetterQuery) async throws -> WebResponse {
        let groups = try await query.groups(of: desks)
        return .json { json in
            json.member("total", groups.reduce(0) { $0 + $1.count })
            json.key("items")
            json.array(groups) { DeadLetterJSON.write($1, to: &$0) }
        }
    }

    /// `GET /admin/dead-letters/{id}`: the event, every attempt with its error, what was done to the letter, and all that happened to its order.
    func show(_ request: WebRequest) async throws -> WebResponse {
        let (desk, event) = try desks.named(by: request)
        guard let file = try await desk.find(event) else { throw Problem.notFound("dead letter") }
        let letter = file.letter
        let actions = try await desk.actions(AdminActionFilter(subject: letter.id.description), before: nil, limit: 100)
        let events = try await timeline.read { try EventArchive.timeline(of: letter.key, in: $0) }
        let entries = try TimelineEntry.inCausalOrder(events.map(TimelineEntry.init))
        return .json(capacity: 4096) { json in
            DeadLetterJSON.write(letter, to: &json)
            DeadLetterJSON.writeDetails(file, to: &json)
            json.key("actions")
            json.array(actions) { $1.write(to: &$0) }
            json.key("timeline")
            json.array(entries) { $1.write(to: &$0) }
        }
    }
}

/// What administrators did, in all services.
struct AdminActionListing: Sendable {
    let desks: DeadLetterDesks

    /// `GET /admin/actions`: newest first.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let page = try Page(request)
        let filter = AdminActionFilter(
            actor: try request.parameter("actor"), action: try request.parameter("action"), subject: try request.parameter("subject"))
        var actions: [AdminAction] = []
        for desk in desks.all { actions += try await desk.actions(filter, before: page.after, limit: page.limit + 1) }
        actions.sort { $0.id > $1.id }
        return page.response(Array(actions.prefix(page.limit + 1)), id: \.id) { $1.write(to: &$0) }
    }
}
