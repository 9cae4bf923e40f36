import Contracts
import Storage
import Wire

/// Payments as a witness.
struct PaymentsOnRecord: PaymentWitness {
    let database: any Database
    private static let payments = SQL("SELECT order_id, state, amount, currency, updated_at FROM payments WHERE order_id >= $1 AND order_id <= $2")

    func payments(in ranges: [OrderRange]) async throws -> [PaymentTestimony] {
        let keys = ranges.map { [SQLValue.id($0.first), .id($0.last)] }
        return try await database.read { transaction in
            try transaction.query(PaymentsOnRecord.payments, each: keys) { row in
                PaymentTestimony(
                    orderID: row.id(0), state: PaymentState(code: row.integer(1)).flatMap { PaymentTestimony.State(rawValue: $0.rawValue) },
                    amount: row.optionalInteger(2), currency: row.optionalText(3), updatedAt: row.time(4))
            }
        }
    }
}

extension PaymentsService {
    /// What Payments says to an auditor.
    public var witness: any PaymentWitness { PaymentsOnRecord(database: database) }
}
