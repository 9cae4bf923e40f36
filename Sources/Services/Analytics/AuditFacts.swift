import Contracts
import Storage
import Wire

/// Analytics as a witness.
struct FactsOnRecord: FactWitness {
    let database: any Database
    let differences: @Sendable () async throws -> [String]

    func facts(in ranges: [OrderRange]) async throws -> [FactTestimony]? {
        try await database.read { transaction in
            // A rebuild begins with nothing: what is missing then is not lost.
            guard try !ProgressTable.load(in: transaction).isRebuilding else { return nil }
            return try FactTable.facts(in: ranges, in: transaction).map { fact in
                FactTestimony(
                    orderID: fact.id, status: fact.status, version: fact.version, currency: fact.currency, captured: fact.captured, refunded: fact.refunded,
                    isConfirmed: fact.confirmedAt != nil, isTakenBack: fact.isTakenBack, amount: fact.products.flatMap { ProductShares(bytes: $0) }?.amount)
            }
        }
    }

    func discrepancies() async throws -> [String] { try await differences() }
}

extension AnalyticsService {
    /// What Analytics says to an auditor.
    public var witness: any FactWitness { FactsOnRecord(database: database, differences: { [self] in try await discrepancies() }) }
}
