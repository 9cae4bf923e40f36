import HTTPTypes
import Messaging
import Web
import Wire

/// Redriving many dead letters at once.
struct DeadLetterBulkRequests: Sendable {
    let desks: DeadLetterDesks
    let bulk: DeadLetterBulkRedrive
    let now: @Sendable () -> Timestamp

    /// `POST /admin/dead-letters/redrive`: begins in the background what a filter names, or, with `preview`, only counts it.
    func start(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        let body = BodyReader(try request.object())
        body.allow("consumer", "type", "error", "orderId", "from", "to", "olderThan", "youngerThan", "all", "preview", "rate", "stopAfter")
        let query = DeadLetterQuery(body, desks: desks, now: now())
        let isPreview = body.bool("preview") ?? false
        let rate = body.integer("rate", in: 1...1000) ?? 10
        let stopAfter = body.integer("stopAfter", in: 1...1_000_000) ?? 5
        let isAll = body.bool("all") ?? false
        if !isPreview, !query.isNarrow, !isAll { body.refuse("all", "must be true where no filter is given") }
        try body.finish()
        let groups = try await query.groups(of: desks)
        let total = groups.reduce(0) { $0 + $1.count }
        if isPreview { return DeadLetterBulkRequests.preview(groups, total: total, rate: rate) }
        let (run, isNew) = try await bulk.start(query, total: total, rate: Int(rate), stopAfter: Int(stopAfter), by: actor)
        guard isNew else {
            throw Problem(.conflict, "redrive-under-way", "Another redrive is under way; wait for it or end it.") { $0.member("run", run.id) }
        }
        return .json(.accepted, headers: [.location: "/api/v1/admin/dead-letters/redrives/\(run.id)"]) { run.write(to: &$0) }
    }

    private static func preview(_ groups: [DeadLetterGroup], total: Int64, rate: Int64) -> WebResponse {
        .json { json in
            json.member("total", total)
            json.member("seconds", total / rate)
            json.key("groups")
            json.array(groups) { DeadLetterJSON.write($1, to: &$0) }
        }
    }

    /// `GET /admin/dead-letters/redrives`: the last runs, newest first.
    func list(_ request: WebRequest) async throws -> WebResponse {
        let runs = try await bulk.all()
        return .json { json in
            json.key("items")
            json.array(runs) { json, run in json.object { run.write(to: &$0) } }
        }
    }

    /// `GET /admin/dead-letters/redrives/{run}`: how far it is.
    func show(_ request: WebRequest) async throws -> WebResponse {
        guard let run = try await bulk.run(request.identifier("run", of: "redrive")) else { throw Problem.notFound("redrive") }
        return .json { run.write(to: &$0) }
    }

    /// `DELETE /admin/dead-letters/redrives/{run}`: ends it; what was redriven stays so.
    func stop(_ request: WebRequest) async throws -> WebResponse {
        guard let run = try await bulk.cancel(request.identifier("run", of: "redrive"), by: request.actor()) else { throw Problem.notFound("redrive") }
        return .json { run.write(to: &$0) }
    }
}
