import Contracts

/// The payment provider's books on one order: what `PaymentSimulator` does, as a value. A test compares the two call by call.
struct ProviderModel: Hashable {
    /// The intent under the payment's key; nil while there is none.
    var intent: Status?
    /// How often the total was taken.
    var captures: UInt8 = 0
    /// How often it was given back.
    var refunds: UInt8 = 0

    enum Status: UInt8 {
        case created, captured, declined, cancelled

        var asPort: PaymentIntent.Status {
            switch self {
            case .created: .created
            case .captured: .captured
            case .declined: .declined
            case .cancelled: .cancelled
            }
        }
    }

    /// Makes the intent, or finds it.
    mutating func create() -> Status {
        let status = intent ?? .created
        intent = status
        return status
    }

    /// Takes the total under the payment's key, unless its intent has come to an end.
    /// - Parameter approves: what the bank says, if it is asked.
    mutating func charge(approves: Bool) -> Status {
        if let intent, intent != .created { return intent }
        if approves { captures += 1 }
        intent = approves ? .captured : .declined
        return approves ? .captured : .declined
    }

    /// Gives the intent up, unless it has come to an end.
    mutating func cancel() -> Status {
        if intent == .created { intent = .cancelled }
        return intent ?? .cancelled
    }

    /// Gives the total back, once.
    mutating func refund() {
        if refunds < captures { refunds += 1 }
    }
}
