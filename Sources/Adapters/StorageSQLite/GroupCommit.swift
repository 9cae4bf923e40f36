import Storage

/// The moments of a commit that a test or a simulation may want to happen at.
package enum CommitPoint: Sendable {
    /// All writes have run, nothing is durable.
    case beforeCommit
    /// Everything is durable, nobody knows yet.
    case afterCommit
}

/// Several writes in one transaction: what a database does with its writer, whoever decides when.
extension SQLiteConnection {
    /// Runs all closures in one transaction and, once it is durable, their commit actions in order. Nobody is resumed here.
    /// - Parameters:
    ///   - wrap: puts something between the closures and the transaction.
    ///   - reached: called at each point; what it throws ends the commit there.
    func commit(
        _ batch: [any PendingWrite], wrap: ((any Transaction) -> any Transaction)? = nil, reached: ((CommitPoint) throws -> Void)? = nil
    ) throws {
        try beginWriting()
        let transaction = SQLiteTransaction(self)
        let seen: any Transaction = wrap?(transaction) ?? transaction
        for write in batch { try write.perform(seen) }
        try reached?(.beforeCommit)
        try commit()
        try reached?(.afterCommit)
        for action in transaction.commitActions { action() }
    }
}
