import Contracts
import Messaging
import Storage
import Web
import Wire

/// What Payments puts right of its own. The provider's keys derive from the payment, so that asking twice takes or gives back nothing twice.
struct RepairPayments: Repairer {
    let environment: ServiceEnvironment
    let jobs: JobQueue
    private static let job = SQL("SELECT count(*) FROM jobs WHERE key = $1")

    func repair(_ action: RepairAction, actor: String) async throws -> RepairOutcome? {
        switch action {
        case .refund(let order): try await change(order, action, actor) { try refund($0, in: $1) }
        case .requeuePayment(let order): try await change(order, action, actor) { try requeue($0, in: $1) }
        case .announcePayment(let order): try await change(order, action, actor) { try announce($0, in: $1) }
        case .announceStatus, .setDeadline, .cancel, .releaseStock, .recount, .recomputeFact, .rebuild, .redeliver: nil
        }
    }

    /// Does something to a payment and records it, in one transaction.
    /// - Parameter body: what was done, in words; nil where the payment's state does not allow it.
    private func change(
        _ order: OrderID, _ action: RepairAction, _ actor: String, _ body: @escaping @Sendable (Payment, any Transaction) throws -> String?
    ) async throws -> RepairOutcome {
        let context = environment.context
        return try await environment.database.write { transaction in
            guard let payment = try PaymentStore.load([order], in: transaction)[order] else { return .refused("there is no payment of this order") }
            let before = payment.state.rawValue
            guard let after = try body(payment, transaction) else { return .refused("the payment is \(before)") }
            try AdminLog(context: context).record(actor: actor, action: action.name, subject: "order \(order)", before: before, after: after, in: transaction)
            return .done(before: before, after: after)
        }
    }

    private func refund(_ payment: Payment, in transaction: any Transaction) throws -> String? {
        guard payment.state == .captured else { return nil }
        var desk = try PaymentDesk([payment.orderID], in: transaction, context: environment.context)
        desk.apply(.cancellation, to: payment.orderID)
        try desk.commit(in: transaction, jobs: jobs, outbox: environment.outbox)
        return desk[payment.orderID]?.state.rawValue
    }

    private func requeue(_ payment: Payment, in transaction: any Transaction) throws -> String? {
        let kind: String
        switch payment.state {
        case .charging: kind = ChargePayment.jobKind
        case .chargingCancelled: kind = VoidPayment.jobKind
        case .refunding: kind = RefundPayment.jobKind
        case .none, .captured, .failed, .voided, .refunded, .awaitingOffline, .paidOffline: return nil
        }
        guard try transaction.first(RepairPayments.job, [.id(payment.orderID)], { $0.integer(0) }) == 0 else { return nil }
        let now = environment.context.now
        let payload = PaymentJob(
            paymentID: payment.id, amount: payment.amount, method: payment.method, intentID: payment.intentID, correlationID: nil, causationID: nil)
        let job = Job(id: environment.context.newID(at: now), kind: kind, key: payment.orderID, payload: payload.text)
        try jobs.enqueue([job], at: now, in: transaction)
        return "\(payment.state.rawValue), \(kind) queued"
    }

    private func announce(_ payment: Payment, in transaction: any Transaction) throws -> String? {
        func envelope(_ event: some Event) -> Envelope { environment.context.envelope(event, key: payment.orderID) }
        let event: Envelope
        switch (payment.state, payment.amount) {
        case (.captured, let amount?), (.paidOffline, let amount?):
            event = envelope(PaymentProcessed(paymentID: payment.id, amount: amount, paymentMethod: payment.method))
        case (.refunded, let amount?): event = envelope(PaymentRefunded(paymentID: payment.id, amount: amount))
        case (.failed, _): event = envelope(PaymentFailed(paymentID: payment.id, reason: payment.reason ?? "declined"))
        case (.voided, _): event = envelope(PaymentVoided(paymentID: payment.id))
        case (.captured, nil), (.paidOffline, nil), (.refunded, nil), (.none, _), (.charging, _), (.chargingCancelled, _), (.refunding, _),
            (.awaitingOffline, _):
            return nil
        }
        try environment.outbox.append([event], in: transaction)
        return "\(event.type) was said as \(event.id)"
    }
}

extension PaymentsService {
    /// What Payments does on an auditor's or an operator's word.
    public var repairer: any Repairer { RepairPayments(environment: environment, jobs: jobs) }
}
