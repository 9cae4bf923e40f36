import Contracts
import HTTPTypes
import Messaging
import Storage
import Web
import Wire

/// What people want of an order: cancel it, or, as an operator, move it on.
struct ChangeOrder: Sendable {
    let environment: ServiceEnvironment
    let idempotent: IdempotentWrite
    let cache: OrderCache?

    /// `POST /orders/{id}/cancel`: 202 while it is being undone, 200 when it is undone already, 409 once it is shipped or failed.
    func cancel(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        let body = BodyReader(try request.optionalObject())
        body.allow("reason")
        let reason = body.string("reason", maximum: 200) ?? "customer"
        try body.finish()
        // What customers do with their own orders is no administrator's action.
        let actor = request.isOwnOnly ? nil : try request.actor()
        return try await idempotent.run(request) { try change(id, .cancel, to: .cancelled, reason: reason, by: actor, in: $0) }.tellingVersion()
    }

    /// `PUT /orders/{id}/status`: PAID for a payment made offline, SHIPPED, DELIVERED, CANCELLED.
    func setStatus(_ request: WebRequest) async throws -> WebResponse {
        let id = try request.identifier("id", of: "order")
        let body = BodyReader(try request.object())
        body.allow("status", "reason")
        let text = body.string("status", required: true, maximum: 20)
        let reason = body.string("reason", maximum: 200) ?? "admin"
        let target = text.flatMap { OrderStatus(rawValue: $0) }
        var input: OrderState.Input?
        switch target {
        case .paid: input = .payOffline
        case .shipped: input = .ship
        case .delivered: input = .deliver
        case .cancelled: input = .cancel
        case .created, .reserved, .cancelling, .failed, nil:
            if text != nil { body.refuse("status", "must be PAID, SHIPPED, DELIVERED or CANCELLED; the others are the saga's own") }
        }
        try body.finish()
        guard let input, let target else { throw Problem.invalid([]) }
        let masters = ChangeOrder.masters(of: target)
        guard !request.principal.roles.isDisjoint(with: masters) else {
            throw Problem.forbidden("To set \(target) is for \(masters.sorted().map(\.rawValue).joined(separator: ", ")).")
        }
        let (wish, actor) = (input, try request.actor())
        return try await idempotent.run(request) { try change(id, wish, to: target, reason: reason, by: actor, in: $0) }.tellingVersion()
    }

    /// Who may bring an order into a status by hand.
    private static func masters(of status: OrderStatus) -> Set<Role> {
        switch status {
        case .paid: [.finance, .admin, .service]
        case .shipped, .delivered: [.warehouse, .admin, .service]
        case .created, .reserved, .cancelling, .cancelled, .failed: [.support, .admin, .service]
        }
    }

    private func change(
        _ id: OrderID, _ input: OrderState.Input, to target: OrderStatus, reason: String, by actor: String?, in transaction: any Transaction
    ) throws -> Result<WebResponse, Problem> {
        var desk = try ChangeDesk([id], in: transaction, context: environment.context)
        guard let before = desk[id]?.state.status else { return .failure(.notFound("order")) }
        let decision = desk.apply(input, to: id, reason: reason)
        guard let order = desk[id] else { return .failure(.notFound("order")) }
        if decision == .refuse { return .failure(ChangeOrder.refusal(order, target)) }
        try desk.commit(in: transaction, outbox: environment.outbox, cache: cache)
        if let actor, order.state.status != before {
            try AdminLog(context: environment.context).record(
                actor: actor, action: target == .cancelled ? "cancel-order" : "set-status", subject: "order \(id)", before: before.rawValue,
                after: order.state.status.rawValue, in: transaction)
        }
        return .success(.json(order.state.status == .cancelling ? .accepted : .ok) { OrderJSON.writeSummary(order, to: &$0) }.tellingVersion(of: order))
    }

    private static func refusal(_ order: Order, _ target: OrderStatus) -> Problem {
        let status = order.state.status
        let allowed = order.state.allowedByAdmin
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        return Problem(
            .conflict, target == .cancelled ? "order-not-cancellable" : "transition-not-allowed",
            "An order that is \(status) cannot become \(target). \(allowed.isEmpty ? "It can be changed no more." : "Allowed now: \(names).")"
        ) { json in
            json.member("currentStatus", status.rawValue)
            json.key("allowed")
            json.array(allowed) { $0.string($1.rawValue) }
        }
    }
}
