import Contracts

/// The life of one order as a pure state machine; `docs/spec/order.md` is its specification and is compared with it by a test.
///
/// Events of different topics overtake each other, so every input has a meaning in every status: a change, a note for later, or nothing. Only a person's wish
/// can be refused.
public struct OrderState: Hashable, Sendable {
    /// What happens to an order.
    public enum Input: Hashable, Sendable, CaseIterable {
        /// Inventory holds all lines.
        case stockReserved
        /// Inventory cannot hold all lines and holds none.
        case stockInsufficient
        /// Inventory holds nothing any more.
        case stockReleased
        /// Payments captured the total.
        case paymentProcessed
        /// The provider refused.
        case paymentFailed
        /// Payments gave up or gave back: nothing is kept.
        case paymentUndone
        /// Somebody wants the order undone.
        case cancel
        /// The time to settle is over.
        case deadline
        /// An operator recorded a payment made elsewhere.
        case payOffline
        case ship
        case deliver
    }

    /// What an input leads to.
    public enum Decision: Hashable, Sendable {
        /// The order takes these statuses, one after the other.
        case change([OrderStatus])
        /// Something is remembered; the status stays.
        case note
        /// Late or twice: nothing happens.
        case ignore
        /// A person's wish that this status does not allow.
        case refuse
    }

    /// Where the order stands.
    public internal(set) var status: OrderStatus
    /// Counts the changes of status, from 1.
    public internal(set) var version: Int64
    /// While CANCELLING: Inventory has answered.
    public internal(set) var isStockFree = false
    /// While CANCELLING: Payments has answered.
    public internal(set) var isPaymentUndone = false
    /// The customer pays elsewhere; an operator records it.
    public internal(set) var isOffline = false

    /// An order in a status, with what it remembers.
    public init(status: OrderStatus, version: Int64, isStockFree: Bool = false, isPaymentUndone: Bool = false, isOffline: Bool = false) {
        (self.status, self.version) = (status, version)
        (self.isStockFree, self.isPaymentUndone, self.isOffline) = (isStockFree, isPaymentUndone, isOffline)
    }

    /// Applies an input and says what it led to; status, version and notes are updated accordingly.
    public mutating func apply(_ input: Input) -> Decision {
        let decision = decide(input)
        switch decision {
        case .change(let statuses):
            version += Int64(statuses.count)
            status = statuses.last ?? status
        case .note:
            if input == .stockReleased { isStockFree = true } else { isPaymentUndone = true }
        case .ignore, .refuse: break
        }
        return decision
    }

    private func decide(_ input: Input) -> Decision {
        switch (status, input) {
        case (.created, .stockReserved): .change([.reserved])
        case (.created, .stockInsufficient): .change([.cancelled])
        // Payments only acts on reserved stock, so its news implies Inventory's, which is still on its way.
        case (.created, .paymentProcessed): .change([.reserved, .paid])
        case (.created, .paymentFailed): .change([.reserved, .failed])
        case (.created, .cancel), (.created, .deadline): .change([.cancelling])
        case (.created, .stockReleased), (.created, .paymentUndone): .ignore
        case (.created, .payOffline), (.created, .ship), (.created, .deliver): .refuse

        case (.reserved, .paymentProcessed): .change([.paid])
        case (.reserved, .paymentFailed): .change([.failed])
        case (.reserved, .cancel), (.reserved, .deadline): .change([.cancelling])
        case (.reserved, .payOffline): isOffline ? .change([.paid]) : .refuse
        case (.reserved, .stockReserved), (.reserved, .stockInsufficient), (.reserved, .stockReleased), (.reserved, .paymentUndone): .ignore
        case (.reserved, .ship), (.reserved, .deliver): .refuse

        case (.paid, .ship): .change([.shipped])
        case (.paid, .cancel): .change([.cancelling])
        case (.paid, .payOffline), (.paid, .deliver): .refuse
        case (.paid, .stockReserved), (.paid, .stockInsufficient), (.paid, .stockReleased), (.paid, .paymentProcessed), (.paid, .paymentFailed),
            (.paid, .paymentUndone), (.paid, .deadline):
            .ignore

        case (.shipped, .deliver): .change([.delivered])
        case (.shipped, .cancel), (.shipped, .payOffline), (.shipped, .ship): .refuse
        case (.shipped, .stockReserved), (.shipped, .stockInsufficient), (.shipped, .stockReleased), (.shipped, .paymentProcessed), (.shipped, .paymentFailed),
            (.shipped, .paymentUndone), (.shipped, .deadline):
            .ignore

        case (.cancelling, .stockReleased): isPaymentUndone ? .change([.cancelled]) : isStockFree ? .ignore : .note
        case (.cancelling, .paymentUndone): isStockFree ? .change([.cancelled]) : isPaymentUndone ? .ignore : .note
        case (.cancelling, .cancel), (.cancelling, .deadline), (.cancelling, .stockReserved), (.cancelling, .stockInsufficient),
            (.cancelling, .paymentProcessed), (.cancelling, .paymentFailed):
            .ignore
        case (.cancelling, .payOffline), (.cancelling, .ship), (.cancelling, .deliver): .refuse

        case (.delivered, .cancel), (.delivered, .payOffline), (.delivered, .ship), (.delivered, .deliver): .refuse
        case (.failed, .cancel), (.failed, .payOffline), (.failed, .ship), (.failed, .deliver): .refuse
        case (.cancelled, .cancel): .ignore
        case (.cancelled, .payOffline), (.cancelled, .ship), (.cancelled, .deliver): .refuse
        case (.delivered, .stockReserved), (.delivered, .stockInsufficient), (.delivered, .stockReleased), (.delivered, .paymentProcessed),
            (.delivered, .paymentFailed), (.delivered, .paymentUndone), (.delivered, .deadline):
            .ignore
        case (.failed, .stockReserved), (.failed, .stockInsufficient), (.failed, .stockReleased), (.failed, .paymentProcessed), (.failed, .paymentFailed),
            (.failed, .paymentUndone), (.failed, .deadline):
            .ignore
        case (.cancelled, .stockReserved), (.cancelled, .stockInsufficient), (.cancelled, .stockReleased), (.cancelled, .paymentProcessed),
            (.cancelled, .paymentFailed), (.cancelled, .paymentUndone), (.cancelled, .deadline):
            .ignore
        }
    }

    /// The statuses that a person may set from here.
    var allowedByAdmin: [OrderStatus] {
        [(Input.payOffline, OrderStatus.paid), (.ship, .shipped), (.deliver, .delivered), (.cancel, .cancelled)].compactMap { input, target in
            if case .change = decide(input) { target } else { nil }
        }
    }
}
