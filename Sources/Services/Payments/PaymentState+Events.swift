import Contracts
import Wire

extension PaymentState.Input {
    /// What an event of another service means to a payment; nil for events that mean nothing to it.
    public init?(_ event: any Event) {
        switch event {
        case let reserved as InventoryReserved:
            self = reserved.total.minorUnits == 0 ? .nothingDue : reserved.paymentMethod == Payment.offlineMethod ? .dueOffline : .due
        // Most confirmations are of payments made here; only those made elsewhere concern us.
        case let confirmed as OrderConfirmed where confirmed.isPaidOffline: self = .offlinePayment
        case is OrderCancellationRequested: self = .cancellation
        default: return nil
        }
    }

    /// What became of an intent, as the provider tells it; nil for one of which nothing became yet.
    public init?(_ status: PaymentIntent.Status) {
        switch status {
        case .captured: self = .captureConfirmed
        case .declined: self = .captureDeclined
        case .cancelled: self = .voidConfirmed
        case .created: return nil
        }
    }
}

extension PaymentState.Effect {
    /// The kind of the job that performs an effect; nil where none is needed.
    var jobKind: String? {
        switch self {
        case .charge: ChargePayment.jobKind
        case .void: VoidPayment.jobKind
        case .refund, .refundLateCapture: RefundPayment.jobKind
        case .announceProcessed, .announceFailed, .announceVoided, .announceRefunded, .nothing: nil
        }
    }
}

extension Payment {
    /// Remembers what an event tells of the payment.
    mutating func learn(from event: any Event) {
        switch event {
        case let reserved as InventoryReserved:
            amount = reserved.total
            method = reserved.total.minorUnits == 0 ? "none" : reserved.paymentMethod
        case let confirmed as OrderConfirmed:
            amount = confirmed.total
            method = Payment.offlineMethod
        default: break
        }
    }

    /// The event that tells of an effect; nil where nothing is said.
    func event(of effect: PaymentState.Effect) -> (any Event)? {
        switch effect {
        case .announceProcessed, .refundLateCapture: amount.map { PaymentProcessed(paymentID: id, amount: $0, paymentMethod: method) }
        case .announceFailed: PaymentFailed(paymentID: id, reason: reason ?? "declined")
        case .announceVoided: PaymentVoided(paymentID: id)
        case .announceRefunded: amount.map { PaymentRefunded(paymentID: id, amount: $0) }
        case .charge, .void, .refund, .nothing: nil
        }
    }
}
