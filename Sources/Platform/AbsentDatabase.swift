import Storage

/// Stands where a service's database would be that this process has nothing to do with.
final class AbsentDatabase: Database {
    let name: String
    private var error: StorageError { .failed("the database of \(name) is not opened by this process") }

    init(name: String) { self.name = name }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T { throw error }
    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T { throw error }
    func migrate(_ migrations: [Migration], owner: String) async throws { throw error }
    func close() async {}
}
