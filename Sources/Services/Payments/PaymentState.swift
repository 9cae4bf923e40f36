/// The payment of one order as a pure state machine; `docs/spec/payment.md` is its specification and is compared with it by a test.
///
/// A provider's silence is never a state: while nothing is known the payment stays where it is and the same question is asked again (promise S17).
public enum PaymentState: String, Hashable, Sendable, CaseIterable {
    /// Nothing is known of the order yet.
    case none
    /// The provider is being asked to take the total.
    case charging
    /// The same, and the order is to be undone: what the provider says next decides between void and refund.
    case chargingCancelled
    /// The total was taken.
    case captured
    /// The provider refused.
    case failed
    /// Nothing was taken and nothing will be; also the tombstone of a cancellation that came first.
    case voided
    /// The provider is being asked to give the total back.
    case refunding
    /// The total was given back.
    case refunded
    /// The customer pays elsewhere; an operator will say so.
    case awaitingOffline
    /// An operator said that the customer paid elsewhere.
    case paidOffline

    /// What happens to a payment.
    public enum Input: String, Hashable, Sendable, CaseIterable {
        /// Stock is reserved, and there is something to charge.
        case due
        /// Stock is reserved, and the total is 0.
        case nothingDue
        /// Stock is reserved, and the customer pays elsewhere.
        case dueOffline
        /// The order was confirmed as paid elsewhere.
        case offlinePayment
        case cancellation
        /// The provider took the total.
        case captureConfirmed
        /// The provider refused.
        case captureDeclined
        /// The provider gave the intent up.
        case voidConfirmed
        /// The provider gave the total back.
        case refundConfirmed
    }

    /// What is to be done.
    public enum Effect: String, Hashable, Sendable {
        /// Ask the provider to take the total.
        case charge
        /// Ask the provider to give up the intent.
        case void
        /// Ask the provider to give the total back.
        case refund
        /// Say PaymentProcessed, because the total was taken, and ask the provider to give it back: whoever counts money hears of both.
        case refundLateCapture
        /// Say PaymentProcessed.
        case announceProcessed
        /// Say PaymentFailed.
        case announceFailed
        /// Say PaymentVoided.
        case announceVoided
        /// Say PaymentRefunded.
        case announceRefunded
        case nothing
    }

    /// Applies an input and says what is to be done.
    public mutating func apply(_ input: Input) -> Effect {
        let (next, effect) = transition(input)
        self = next
        return effect
    }

    private func transition(_ input: Input) -> (PaymentState, Effect) {
        switch (self, input) {
        case (.none, .due): (.charging, .charge)
        case (.none, .nothingDue): (.captured, .announceProcessed)
        case (.none, .dueOffline): (.awaitingOffline, .nothing)
        // The confirmation came before the reservation, which is on another topic.
        case (.none, .offlinePayment): (.paidOffline, .announceProcessed)
        case (.none, .cancellation): (.voided, .announceVoided)
        case (.none, .captureConfirmed), (.none, .captureDeclined), (.none, .voidConfirmed), (.none, .refundConfirmed): (.none, .nothing)

        case (.charging, .captureConfirmed): (.captured, .announceProcessed)
        case (.charging, .captureDeclined): (.failed, .announceFailed)
        case (.charging, .cancellation): (.chargingCancelled, .void)
        case (.charging, .due), (.charging, .nothingDue), (.charging, .dueOffline), (.charging, .offlinePayment), (.charging, .voidConfirmed),
            (.charging, .refundConfirmed):
            (.charging, .nothing)

        // Whichever job hears from the provider first decides; the other's news is late.
        case (.chargingCancelled, .captureConfirmed): (.refunding, .refundLateCapture)
        case (.chargingCancelled, .captureDeclined), (.chargingCancelled, .voidConfirmed): (.voided, .announceVoided)
        case (.chargingCancelled, .due), (.chargingCancelled, .nothingDue), (.chargingCancelled, .dueOffline), (.chargingCancelled, .offlinePayment),
            (.chargingCancelled, .cancellation), (.chargingCancelled, .refundConfirmed):
            (.chargingCancelled, .nothing)

        case (.captured, .cancellation): (.refunding, .refund)
        case (.captured, .due), (.captured, .nothingDue), (.captured, .dueOffline), (.captured, .offlinePayment), (.captured, .captureConfirmed),
            (.captured, .captureDeclined), (.captured, .voidConfirmed), (.captured, .refundConfirmed):
            (.captured, .nothing)

        case (.failed, .cancellation): (.voided, .announceVoided)
        case (.failed, .due), (.failed, .nothingDue), (.failed, .dueOffline), (.failed, .offlinePayment), (.failed, .captureConfirmed),
            (.failed, .captureDeclined), (.failed, .voidConfirmed), (.failed, .refundConfirmed):
            (.failed, .nothing)

        case (.voided, .due), (.voided, .nothingDue), (.voided, .dueOffline), (.voided, .offlinePayment), (.voided, .cancellation),
            (.voided, .captureConfirmed), (.voided, .captureDeclined), (.voided, .voidConfirmed), (.voided, .refundConfirmed):
            (.voided, .nothing)

        case (.refunding, .refundConfirmed): (.refunded, .announceRefunded)
        case (.refunding, .due), (.refunding, .nothingDue), (.refunding, .dueOffline), (.refunding, .offlinePayment), (.refunding, .cancellation),
            (.refunding, .captureConfirmed), (.refunding, .captureDeclined), (.refunding, .voidConfirmed):
            (.refunding, .nothing)

        case (.refunded, .due), (.refunded, .nothingDue), (.refunded, .dueOffline), (.refunded, .offlinePayment), (.refunded, .cancellation),
            (.refunded, .captureConfirmed), (.refunded, .captureDeclined), (.refunded, .voidConfirmed), (.refunded, .refundConfirmed):
            (.refunded, .nothing)

        case (.awaitingOffline, .offlinePayment): (.paidOffline, .announceProcessed)
        case (.awaitingOffline, .cancellation): (.voided, .announceVoided)
        case (.awaitingOffline, .due), (.awaitingOffline, .nothingDue), (.awaitingOffline, .dueOffline), (.awaitingOffline, .captureConfirmed),
            (.awaitingOffline, .captureDeclined), (.awaitingOffline, .voidConfirmed), (.awaitingOffline, .refundConfirmed):
            (.awaitingOffline, .nothing)

        // What was paid elsewhere is given back elsewhere: nothing of it passed through the provider.
        case (.paidOffline, .cancellation): (.refunded, .announceRefunded)
        case (.paidOffline, .due), (.paidOffline, .nothingDue), (.paidOffline, .dueOffline), (.paidOffline, .offlinePayment),
            (.paidOffline, .captureConfirmed), (.paidOffline, .captureDeclined), (.paidOffline, .voidConfirmed), (.paidOffline, .refundConfirmed):
            (.paidOffline, .nothing)
        }
    }

    /// A small number for the database; never renumbered.
    var code: Int64 {
        switch self {
        case .none: 0
        case .charging: 1
        case .chargingCancelled: 2
        case .captured: 3
        case .failed: 4
        case .voided: 5
        case .refunding: 6
        case .refunded: 7
        case .awaitingOffline: 8
        case .paidOffline: 9
        }
    }

    init?(code: Int64) {
        guard let state = PaymentState.allCases.first(where: { $0.code == code }) else { return nil }
        self = state
    }
}
