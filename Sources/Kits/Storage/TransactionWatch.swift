/// What a database server tells of transactions that stay open. Nobody who reads tables can find out about them, because what they have written is not there yet; meanwhile the
/// server keeps for them whatever others delete, and every table that is a queue becomes slow.
public protocol TransactionWatch: AnyObject, Sendable {
    /// For how long the oldest transaction in this database has been open, whoever began it, in this process or anywhere; zero where there is none.
    /// - Throws: ``StorageError``.
    func oldestTransactionAge() async throws -> Duration
}
