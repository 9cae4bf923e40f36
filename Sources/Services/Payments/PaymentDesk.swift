import Contracts
import Messaging
import Storage
import Wire

/// Why something happens: the chain it belongs to, and the event before it.
struct Cause: Sendable {
    let correlationID: Identifier?
    let eventID: Identifier?

    init(_ event: Envelope) { (correlationID, eventID) = (event.correlationID, event.id) }
    /// A job goes on with the cause of the event that made it.
    init(_ job: PaymentJob) { (correlationID, eventID) = (job.correlationID, job.causationID) }
}

/// Payments that are being changed in one transaction: loaded once, decided in memory, written once with their jobs and events.
struct PaymentDesk {
    private var payments: [OrderID: Payment]
    /// Those that there were before.
    private let known: Set<OrderID>
    private var changed: [OrderID] = []
    private var isChanged: Set<OrderID> = []
    private var jobs: [Job] = []
    private var events: [Envelope] = []
    private let context: ServiceContext
    private let now: Timestamp

    /// Lays out the payments of these orders.
    init(_ orders: [OrderID], in transaction: any Transaction, context: ServiceContext) throws {
        self.context = context
        now = context.now
        var seen = Set<OrderID>(minimumCapacity: orders.count)
        payments = try PaymentStore.load(orders.filter { seen.insert($0).inserted }, in: transaction)
        known = Set(payments.keys)
    }

    subscript(order: OrderID) -> Payment? { payments[order] }

    /// Applies an input to an order's payment, which begins with it if there is none yet.
    /// - Parameter change: adds what the input brought: the amount, the provider's answer.
    mutating func apply(_ input: PaymentState.Input, to order: OrderID, because cause: Cause? = nil, _ change: (inout Payment) -> Void = { _ in }) {
        var payment =
            payments[order]
            ?? Payment(id: context.newID(at: now), orderID: order, amount: nil, method: "unknown", state: .none, createdAt: now, updatedAt: now)
        let before = payment.state
        let effect = payment.state.apply(input)
        guard payment.state != before || effect != .nothing else { return }
        change(&payment)
        payment.updatedAt = now
        payments[order] = payment
        if isChanged.insert(order).inserted { changed.append(order) }
        if let kind = effect.jobKind { jobs.append(job(kind, payment, because: cause)) }
        if let event = payment.event(of: effect) {
            events.append(context.envelope(event, key: order, correlation: cause?.correlationID, causation: cause?.eventID))
        }
    }

    /// A job remembers whose cause and correlation its outcome continues.
    private func job(_ kind: String, _ payment: Payment, because cause: Cause?) -> Job {
        let payload = PaymentJob(
            paymentID: payment.id, amount: payment.amount, method: payment.method, intentID: payment.intentID, correlationID: cause?.correlationID,
            causationID: cause?.eventID)
        return Job(id: context.newID(at: now), kind: kind, key: payment.orderID, payload: payload.text, content: payload)
    }

    /// Writes everything.
    func commit(in transaction: any Transaction, jobs queue: JobQueue, outbox: Outbox) throws {
        guard !changed.isEmpty else { return }
        try PaymentStore.save(changed.filter(known.contains).compactMap { payments[$0] }, in: transaction)
        try PaymentStore.add(changed.filter { !known.contains($0) }.compactMap { payments[$0] }, in: transaction)
        try queue.enqueue(jobs, at: now, in: transaction)
        try outbox.append(events, in: transaction)
    }
}
