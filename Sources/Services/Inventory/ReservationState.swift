/// What Inventory holds for one order, as a pure state machine; `docs/spec/reservation.md` is its specification and is compared with it by a test.
public enum ReservationState: String, Hashable, Sendable, CaseIterable {
    /// Nothing is known of the order yet.
    case none
    /// Stock is held for every line.
    case held
    /// There was not enough; nothing is held.
    case rejected
    /// What was held is free again.
    case released
    /// The cancellation came before the order: a tombstone, nothing will ever be held (RELIABILITY, trap 5).
    case refused
    /// The goods left the house.
    case sold

    /// What happens to a reservation.
    public enum Input: String, Hashable, Sendable, CaseIterable {
        /// The order asks for its lines, and there is enough of all.
        case requestCovered
        /// The order asks for its lines, and there is not enough.
        case requestShort
        case cancellation
        case paymentFailed
        case shipped
    }

    /// What is to be done.
    public enum Effect: String, Hashable, Sendable {
        /// Take the lines from what is available and say InventoryReserved.
        case hold
        /// Say InventoryInsufficient.
        case reject
        /// Give the lines back and say InventoryReleased.
        case release
        /// Say InventoryReleased: every cancellation gets its answer.
        case answer
        /// Turn the lines into sold ones.
        case sell
        case nothing
    }

    /// Applies an input and says what is to be done.
    public mutating func apply(_ input: Input) -> Effect {
        let (next, effect) = transition(input)
        self = next
        return effect
    }

    private func transition(_ input: Input) -> (ReservationState, Effect) {
        switch (self, input) {
        case (.none, .requestCovered): (.held, .hold)
        case (.none, .requestShort): (.rejected, .reject)
        case (.none, .cancellation): (.refused, .answer)
        case (.none, .paymentFailed), (.none, .shipped): (.none, .nothing)
        case (.held, .cancellation), (.held, .paymentFailed): (.released, .release)
        case (.held, .shipped): (.sold, .sell)
        case (.held, .requestCovered), (.held, .requestShort): (.held, .nothing)
        case (.rejected, .cancellation): (.rejected, .answer)
        case (.rejected, .requestCovered), (.rejected, .requestShort), (.rejected, .paymentFailed), (.rejected, .shipped): (.rejected, .nothing)
        case (.released, .cancellation): (.released, .answer)
        case (.released, .requestCovered), (.released, .requestShort), (.released, .paymentFailed), (.released, .shipped): (.released, .nothing)
        case (.refused, .cancellation): (.refused, .answer)
        case (.refused, .requestCovered), (.refused, .requestShort), (.refused, .paymentFailed), (.refused, .shipped): (.refused, .nothing)
        case (.sold, .requestCovered), (.sold, .requestShort), (.sold, .cancellation), (.sold, .paymentFailed), (.sold, .shipped): (.sold, .nothing)
        }
    }

    /// A small number for the database; never renumbered.
    var code: Int64 {
        switch self {
        case .none: 0
        case .held: 1
        case .rejected: 2
        case .released: 3
        case .refused: 4
        case .sold: 5
        }
    }

    init?(code: Int64) {
        guard let state = ReservationState.allCases.first(where: { $0.code == code }) else { return nil }
        self = state
    }
}
