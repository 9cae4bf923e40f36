import Storage

/// A transaction that shows a watcher every statement before it runs, and lets it change what is done: how a simulation notices what happened inside, and how it
/// plants bugs without a switch in the product.
final class ObservedTransaction: Transaction {
    /// What becomes of a statement.
    enum Verdict {
        case run
        /// Runs with other parameters.
        case replace([[SQLValue]])
        /// Runs, and claims that each run changed one row.
        case claimChanged
        /// Does not run, and claims that each run changed one row; an insert is given these keys, a query finds nothing.
        case pretend(keys: [Int64])
    }

    private let base: any Transaction
    private let watch: (SQL, [[SQLValue]], any Transaction) throws -> Verdict

    init(_ base: any Transaction, watch: @escaping (SQL, [[SQLValue]], any Transaction) throws -> Verdict) { (self.base, self.watch) = (base, watch) }

    func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws {
        switch try watch(sql, parameters, base) {
        case .run, .claimChanged: try base.fetch(sql, each: parameters, row)
        case .replace(let other): try base.fetch(sql, each: other, row)
        case .pretend: break
        }
    }

    func execute(_ sql: SQL, each parameters: [[SQLValue]]) throws {
        switch try watch(sql, parameters, base) {
        case .run, .claimChanged: try base.execute(sql, each: parameters)
        case .replace(let other): try base.execute(sql, each: other)
        case .pretend: break
        }
    }

    func executeCounting(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int] {
        switch try watch(sql, parameters, base) {
        case .run: return try base.executeCounting(sql, each: parameters)
        case .replace(let other): return try base.executeCounting(sql, each: other)
        case .claimChanged:
            _ = try base.executeCounting(sql, each: parameters)
            return parameters.map { _ in 1 }
        case .pretend: return parameters.map { _ in 1 }
        }
    }

    func insert(_ sql: SQL, each parameters: [[SQLValue]]) throws -> [Int64] {
        switch try watch(sql, parameters, base) {
        case .run, .claimChanged: return try base.insert(sql, each: parameters)
        case .replace(let other): return try base.insert(sql, each: other)
        case .pretend(let keys): return keys
        }
    }

    func onCommit(_ body: @escaping @Sendable () -> Void) { base.onCommit(body) }
}
