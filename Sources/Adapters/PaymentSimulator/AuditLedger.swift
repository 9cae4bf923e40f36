import Contracts
import Storage
import Wire

/// The provider as a witness: its own books.
extension SimulatedPaymentProvider: LedgerWitness {
    private static let entries = SQL(
        "SELECT order_id, intent_id, entry, amount, currency FROM ledger WHERE order_id >= $1 AND order_id <= $2 ORDER BY number")

    public func entries(in ranges: [OrderRange]) async throws -> [LedgerTestimony] {
        try await ledger.read { transaction in
            try transaction.query(SimulatedPaymentProvider.entries, each: ranges.map { [.id($0.first), .id($0.last)] }) {
                LedgerTestimony(orderID: $0.id(0), intentID: $0.id(1), entry: $0.text(2), amount: $0.integer(3), currency: $0.text(4))
            }
        }
    }
}
