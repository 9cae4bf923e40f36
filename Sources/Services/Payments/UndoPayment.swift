import Contracts
import Messaging
import Storage
import Wire

/// The job that gives up an intent whose order was cancelled while charging. The intent is created if it is not there yet, so that it can be cancelled: the
/// provider then refuses a capture that is still on its way. "Not found" would not be safe (RELIABILITY, trap 6).
struct VoidPayment: JobHandler {
    static let jobKind = "void-payment"
    let kind = VoidPayment.jobKind
    let provider: any PaymentProvider
    let timeout: Duration
    let jobs: JobQueue
    let outbox: Outbox

    func perform(_ job: Job, context: ServiceContext) async throws -> PaymentIntent {
        let payment = try PaymentJob(of: job)
        guard let amount = payment.amount else { throw UnexpectedAnswer(description: "a void without an amount") }
        let intent = try await provider.createIntent(key: payment.paymentID, orderID: job.key, amount: amount, method: payment.method, timeout: timeout)
        return intent.status == .created ? try await provider.cancel(intent.id, timeout: timeout) : intent
    }

    func record(_ finished: [FinishedJob<PaymentIntent>], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try PaymentDesk(finished.map(\.job.key), in: transaction, context: context)
        for (job, intent) in finished.lazy.map({ ($0.job, $0.outcome) }) {
            guard let input = PaymentState.Input(intent.status) else { throw UnexpectedAnswer(description: "the provider left an intent uncancelled") }
            desk.apply(input, to: job.key, because: Cause(try PaymentJob(of: job))) { $0.intentID = intent.id }
        }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }
}

/// The job that gives a captured total back, under a key derived from the payment, so that it is given back once.
struct RefundPayment: JobHandler {
    static let jobKind = "refund-payment"
    let kind = RefundPayment.jobKind
    let provider: any PaymentProvider
    let timeout: Duration
    let jobs: JobQueue
    let outbox: Outbox

    func perform(_ job: Job, context: ServiceContext) async throws {
        let payment = try PaymentJob(of: job)
        guard let amount = payment.amount else { throw UnexpectedAnswer(description: "a refund without an amount") }
        // Nothing was taken for a total of 0, so there is nothing to give back.
        if amount.minorUnits == 0 { return }
        guard let intentID = payment.intentID else { throw UnexpectedAnswer(description: "a refund without an intent") }
        let intent = try await provider.refund(intentID, key: RefundPayment.key(of: payment.paymentID), amount: amount, timeout: timeout)
        guard intent.refunded == amount else { throw UnexpectedAnswer(description: "the provider gave back \(intent.refunded), not \(amount)") }
    }

    func record(_ finished: [FinishedJob<Void>], in transaction: any Transaction, context: ServiceContext) throws {
        var desk = try PaymentDesk(finished.map(\.job.key), in: transaction, context: context)
        for job in finished.lazy.map(\.job) { desk.apply(.refundConfirmed, to: job.key, because: Cause(try PaymentJob(of: job))) }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }

    /// One key for ever, derived from the payment and the purpose.
    private static func key(of payment: Identifier) -> Identifier { Identifier(high: payment.high, low: payment.low ^ 1) }
}
