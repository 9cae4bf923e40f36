import Contracts
import Web
import Wire

/// `/admin/audit`: what stands, an audit now, and the rules.
struct ShowAudit: Sendable {
    private static let pieces: ClosedRange<Int64> = 1...50_000
    let desk: AuditDesk

    /// `GET /admin/audit`: what the audit in the background found, and how far it is.
    func show(_ request: WebRequest) async throws -> WebResponse {
        let (open, progress) = try await desk.keeper.standing()
        return .json(capacity: 512 * (open.count + 1)) { json in
            json.member("clean", open.isEmpty)
            json.optional("lastAt", progress.lastAt)
            json.optional("sweptAt", progress.sweptAt)
            json.member("ordersSwept", progress.swept)
            json.member("openOrders", progress.open.count)
            json.member("overdueOrders", progress.open.overdue)
            json.key("findings")
            json.array(open) { json, open in
                json.object { json in
                    open.finding.write(to: &json, isRepairable: open.isRepairable)
                    json.member("since", open.since)
                }
            }
        }
    }

    /// `POST /admin/audit`: audits now, everything, one order (`orderId`), or the next `limit` orders behind `cursor`; with `repair`, does what can be done.
    func run(_ request: WebRequest) async throws -> WebResponse {
        let actor = try request.actor()
        let body = BodyReader(try request.optionalObject())
        body.allow("repair", "orderId", "cursor", "limit")
        let isRepairing = body.bool("repair") ?? false
        let order = body.identifier("orderId")
        let cursor = body.identifier("cursor")
        let limit = body.integer("limit", in: ShowAudit.pieces)
        if order != nil, cursor != nil || limit != nil { body.refuse("orderId", "excludes cursor and limit") }
        if cursor != nil, limit == nil { body.refuse("limit", "is required with a cursor") }
        try body.finish()
        let scope: AuditScope
        if let order {
            scope = AuditScope(.some([order]), includesShared: false)
        } else if let limit {
            // What is not about orders is looked at with the first piece.
            scope = AuditScope(.part(after: cursor, count: Int(limit)), includesShared: cursor == nil)
        } else {
            scope = AuditScope()
        }
        var report = try await desk.auditor.audit(scope)
        if isRepairing { report.repairs = try await desk.repair(report.findings, actor: actor) }
        let total = try await desk.auditor.witnesses.orders.count()
        return .json(capacity: 512 * (report.findings.count + 1)) { [report] json in
            json.member("clean", report.findings.isEmpty)
            json.member("total", total)
            report.write(to: &json)
        }
    }

    /// `GET /admin/audit/rules`: what is checked.
    func rules(_ request: WebRequest) async throws -> WebResponse {
        let counts = try await desk.keeper.standing().open.reduce(into: [String: Int]()) { $0[$1.finding.rule, default: 0] += 1 }
        return .json(capacity: 8192) { json in
            json.key("items")
            json.array(AuditRules.all) { json, rule in
                json.object { json in
                    json.member("id", rule.id)
                    json.member("title", rule.title)
                    json.member("about", rule.about)
                    json.member("applies", rule.applies.rawValue)
                    json.member("proposal", rule.proposal)
                    json.member("standing", counts[rule.id] ?? 0)
                }
            }
        }
    }
}
