import Contracts

extension OrderState {
    /// Counts everything that changes how an order looks from outside: twice its version, and one more where something is noted while it is being cancelled, which
    /// leaves the version as it is and the time of the last change not. It grows with every write of an order's row; a test goes through all states and inputs.
    var revision: Int64 { version * 2 + (status == .cancelling && (isStockFree || isPaymentUndone) ? 1 : 0) }

    /// Whether nothing can happen to the order any more, so that what is known of it stays true.
    var isFinal: Bool {
        OrderState.Input.allCases.allSatisfy { input in
            var state = self
            switch state.apply(input) {
            case .ignore, .refuse: return true
            case .change, .note: return false
            }
        }
    }
}
