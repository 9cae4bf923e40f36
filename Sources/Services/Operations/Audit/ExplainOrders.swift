import Contracts
import HTTPTypes
import Messaging
import Web
import Wire

/// What orders wait for, and what an operator does about those that wait too long.
struct ExplainOrders: Sendable {
    /// So many open orders are looked at for a list; those that have waited longest come first.
    private static let maximumLooked = 5000
    let desk: AuditDesk
    let context: ServiceContext

    /// `GET /orders/{id}/explain`.
    func order(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        let explanation = try await explain(id)
        return .json(capacity: 2048) { explanation.write(to: &$0) }
    }

    /// `GET /admin/stuck-orders`: open orders beyond their limit, or with `overdue=false` all that are open; by `status`, and by the `party` they wait for.
    func stuck(_ request: WebRequest) async throws -> WebResponse {
        let limit = try request.integer("limit", in: 1...500, default: 100)
        let overdue = try request.parameter("overdue") ?? "true"
        guard ["true", "false"].contains(overdue) else { throw Problem.badParameter("overdue", "must be true or false") }
        let party = try request.parameter("party")
        let status = try request.parameter("status").map { text throws(Problem) in
            guard let status = OrderStatus(rawValue: text), !status.isSettled else {
                throw Problem.badParameter("status", "must be CREATED, RESERVED or CANCELLING: the others wait for nothing")
            }
            return status
        }
        let ids = try await desk.auditor.witnesses.orders.open(limit: ExplainOrders.maximumLooked)
        let now = context.now
        let found = try await desk.auditor.look(at: ids.map { OrderRange($0) }).compactMap { Explanation($0, at: now) }.filter { explanation in
            !explanation.isSettled && (overdue == "false" || explanation.isOverdue) && (status == nil || explanation.status == status)
                && (party == nil || explanation.waits.contains { $0.party == party })
        }
        return .json(capacity: 1024 * (min(found.count, limit) + 1)) { json in
            json.member("count", found.count)
            json.key("items")
            json.array(found.prefix(limit)) { json, explanation in json.object { explanation.write(to: &$0) } }
        }
    }

    /// `POST /admin/orders/{id}/resume`: does again what is missing for the order to go on. 409 where nothing is.
    func resume(_ request: WebRequest) async throws -> WebResponse {
        try await act(request) { findings, _ in
            findings.filter { if case .cancel? = $0.action { false } else { $0.action != nil } }
        } otherwise: { explanation in
            Problem(.conflict, "nothing-to-resume", "Nothing is missing that could be done again. \(explanation.words)")
        }
    }

    /// `POST /admin/orders/{id}/compensate`: gives back what the order took: cancels it, or puts right what its cancellation left. 409 once it is shipped.
    func compensate(_ request: WebRequest) async throws -> WebResponse {
        try await act(request) { findings, explanation in
            switch explanation.status {
            case .created, .reserved, .paid:
                let action = RepairAction.cancel(explanation.id, reason: "compensated")
                return [
                    AuditFinding(
                        rule: "operator", subject: .order(explanation.id), evidence: "an operator gives the order up", proposal: action.name, action: action)
                ]
            case .cancelling, .cancelled, .failed: return findings.filter { $0.action != nil }
            case .shipped, .delivered, nil: return []
            }
        } otherwise: { explanation in
            Problem(.conflict, "nothing-to-compensate", "There is nothing that could be given back by itself. \(explanation.words)")
        }
    }

    private func act(
        _ request: WebRequest, _ choose: ([AuditFinding], Explanation) -> [AuditFinding], otherwise refusal: (Explanation) -> Problem
    ) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        let actor = try request.actor()
        let body = BodyReader(try request.optionalObject())
        body.allow()
        try body.finish()
        let explanation = try await explain(id)
        // Two looks: what is only on its way must not be done twice.
        let report = try await desk.auditor.audit(AuditScope(.some([id]), includesShared: false))
        let chosen = choose(report.findings, explanation)
        guard !chosen.isEmpty else { throw refusal(explanation) }
        let repairs = try await desk.repair(chosen, actor: actor)
        let after = try await explain(id)
        return .json(capacity: 2048) { json in
            json.key("done")
            json.array(repairs) { json, repair in
                json.object { json in
                    json.optional("action", repair.finding.action?.name)
                    json.member("because", repair.finding.evidence)
                    switch repair.outcome {
                    case .done(let before, let after):
                        json.member("before", before)
                        json.member("after", after)
                    case .refused(let why): json.member("refused", why)
                    }
                }
            }
            json.key("order")
            json.object { after.write(to: &$0) }
        }
    }

    private func explain(_ id: OrderID) async throws -> Explanation {
        guard let evidence = try await desk.auditor.look(at: [OrderRange(id)], always: [id]).first, let explanation = Explanation(evidence, at: context.now)
        else { throw Problem.notFound("order") }
        return explanation
    }
}
