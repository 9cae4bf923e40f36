import Contracts
import Messaging
import Storage
import Wire

/// Begins payments when stock is reserved, and undoes them when the order is.
struct ReactToOrders: EventHandler {
    let jobs: JobQueue
    let outbox: Outbox
    let subscriptions = Choreography.subscriptions(of: .payments)

    /// Most confirmed orders were paid here.
    func canWait(_ event: Envelope) -> Bool { event.isReadable && PaymentState.Input(event.event) == nil }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        let relevant = events.compactMap { event in PaymentState.Input(event.event).map { (event, $0) } }
        var desk = try PaymentDesk(relevant.map(\.0.key), in: transaction, context: context)
        for (event, input) in relevant { desk.apply(input, to: event.key, because: Cause(event)) { $0.learn(from: event.event) } }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }
}

/// The job that takes the total. The call may be repeated under its key; the answer's amount is compared.
struct ChargePayment: JobHandler {
    static let jobKind = "charge-payment"
    let kind = ChargePayment.jobKind
    let provider: any PaymentProvider
    let timeout: Duration
    let jobs: JobQueue
    let outbox: Outbox

    func perform(_ job: Job, context: ServiceContext) async throws -> PaymentIntent {
        let payment = try PaymentJob(of: job)
        guard let amount = payment.amount else { throw UnexpectedAnswer(description: "a charge without an amount") }
        let intent = try await provider.charge(key: payment.paymentID, orderID: job.key, amount: amount, method: payment.method, timeout: timeout)
        guard intent.amount == amount else { throw UnexpectedAnswer(description: "the provider's intent is over \(intent.amount), not \(amount)") }
        return intent
    }

    func record(_ finished: [FinishedJob<PaymentIntent>], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try PaymentDesk(finished.map(\.job.key), in: transaction, context: context)
        for (job, intent) in finished.lazy.map({ ($0.job, $0.outcome) }) {
            guard let input = PaymentState.Input(intent.status) else { throw UnexpectedAnswer(description: "the provider left an intent uncaptured") }
            desk.apply(input, to: job.key, because: Cause(try PaymentJob(of: job))) { payment in
                payment.intentID = intent.id
                payment.reason = intent.reason
            }
        }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }
}
