import Contracts
import Messaging
import Storage
import Wire

/// Begins payments when stock is reserved, and undoes them when the order is.
struct ReactToOrders: EventHandler {
    let jobs: JobQueue
    let outbox: Outbox
    let subscriptions = Choreography.subscriptions(of: .payments)
    /// The method of orders whose payment an operator records.
    static let offlineMethod = "offline"

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        // Most confirmations are of payments made here; only those made elsewhere concern us.
        let relevant = events.filter { ($0.event as? OrderConfirmed)?.isPaidOffline ?? true }
        var desk = try PaymentDesk(relevant.map(\.key), in: transaction, context: context)
        for event in relevant {
            let cause = Cause(event)
            switch event.event {
            case let reserved as InventoryReserved:
                desk.apply(input(for: reserved), to: event.key, because: cause) { payment in
                    payment.amount = reserved.total
                    payment.method = reserved.total.minorUnits == 0 ? "none" : reserved.paymentMethod
                }
            case let confirmed as OrderConfirmed:
                desk.apply(.offlinePayment, to: event.key, because: cause) { payment in
                    payment.amount = confirmed.total
                    payment.method = ReactToOrders.offlineMethod
                }
            case is OrderCancellationRequested: desk.apply(.cancellation, to: event.key, because: cause)
            default: continue
            }
        }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }

    private func input(for reserved: InventoryReserved) -> PaymentState.Input {
        if reserved.total.minorUnits == 0 { return .nothingDue }
        return reserved.paymentMethod == ReactToOrders.offlineMethod ? .dueOffline : .due
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
        let payment = try PaymentJob(job.payload)
        guard let amount = payment.amount else { throw UnexpectedAnswer(description: "a charge without an amount") }
        let intent = try await provider.charge(key: payment.paymentID, orderID: job.key, amount: amount, method: payment.method, timeout: timeout)
        guard intent.amount == amount else { throw UnexpectedAnswer(description: "the provider's intent is over \(intent.amount), not \(amount)") }
        return intent
    }

    func record(_ intent: PaymentIntent, of job: Job, in transaction: any Transaction, context: ServiceContext) throws {
        let cause = Cause(try PaymentJob(job.payload))
        var desk = try PaymentDesk([job.key], in: transaction, context: context)
        let input: PaymentState.Input
        switch intent.status {
        case .captured: input = .captureConfirmed
        case .declined: input = .captureDeclined
        case .cancelled: input = .voidConfirmed
        case .created: throw UnexpectedAnswer(description: "the provider left an intent uncaptured")
        }
        desk.apply(input, to: job.key, because: cause) { payment in
            payment.intentID = intent.id
            payment.reason = intent.reason
        }
        try desk.commit(in: transaction, jobs: jobs, outbox: outbox)
    }
}
