import Messaging
import Storage
import Synchronization

/// What a handler throws to end its process.
struct ProcessEnded: Error {}

/// Whether a process lives.
final class Life: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let count = Atomic<Int>(0)
    var hasEnded: Bool { isOver.load(ordering: .sequentiallyConsistent) }
    /// How many transactions were begun.
    var transactions: Int { count.load(ordering: .sequentiallyConsistent) }
    func end() { isOver.store(true, ordering: .sequentiallyConsistent) }
    func began() { count.add(1, ordering: .sequentiallyConsistent) }
}

/// A database as one process sees it: when the process ends inside a transaction, that is rolled back, and nothing that the process tries later happens.
final class MortalDatabase: Database {
    private let inner: any Database
    let life: Life
    var name: String { inner.name }

    init(_ inner: any Database, life: Life = Life()) { (self.inner, self.life) = (inner, life) }

    func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        if life.hasEnded { throw StorageError.closed }
        life.began()
        do {
            return try await inner.write { [life] transaction in
                if life.hasEnded { throw ProcessEnded() }
                let result: T
                do { result = try body(transaction) } catch is ProcessEnded {
                    life.end()
                    throw ProcessEnded()
                }
                return result
            }
        } catch is ProcessEnded { throw StorageError.closed }
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        if life.hasEnded { throw StorageError.closed }
        return try await inner.read(body)
    }
    func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
    func close() async {}
}
