import Storage
import Synchronization

/// A database in memory that outlives the process that a simulation lets die: what a disk is to a real one.
package final class MemoryMedium: @unchecked Sendable {
    /// Touched by the one thread of the simulation only.
    fileprivate let connection: SQLiteConnection

    package init() throws {
        connection = try SQLiteConnection(path: ":memory:", isReader: false)
        try connection.run("PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF")
    }

    /// Reads what is durable.
    package func read<T>(_ body: (any ReadTransaction) throws -> T) throws -> T { try body(SQLiteTransaction(connection)) }

    /// Changes what is durable, behind everybody's back.
    package func write(_ body: (any Transaction) throws -> Void) throws {
        try connection.run("BEGIN IMMEDIATE")
        do { try body(SQLiteTransaction(connection)) } catch {
            connection.rollBack()
            throw error
        }
        try connection.run("COMMIT")
    }
}

/// A process's view of a ``MemoryMedium``: the same group commit as ``SQLiteDatabase``, at the moments that a simulation chooses. Confined to one thread.
package final class SteppedDatabase: Database, @unchecked Sendable {
    /// The process that this belongs to died at a ``CommitPoint``.
    package struct Death: Error { package init() {} }

    package let name: String
    package let commitsInOrder = true
    private let medium: MemoryMedium
    private var queue: [any PendingWrite] = []
    private var isDead = false
    private let wrap: ((any Transaction) -> any Transaction)?
    private let reached: ((CommitPoint) throws -> Void)?
    private let isImmediate: Bool

    /// - Parameters:
    ///   - isImmediate: whether each write is committed at once, without ``commit(first:)``.
    ///   - wrap: puts something between the writes and their transaction.
    ///   - reached: called at each point of a commit; throwing ``Death`` there lets the process die.
    package init(
        name: String, medium: MemoryMedium, isImmediate: Bool = false, wrap: ((any Transaction) -> any Transaction)? = nil,
        reached: ((CommitPoint) throws -> Void)? = nil
    ) {
        (self.name, self.medium, self.isImmediate, self.wrap, self.reached) = (name, medium, isImmediate, wrap, reached)
    }

    /// How many writes wait for a commit.
    package var waiting: Int { queue.count }

    package func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            let pending = Pending(body: body, continuation: continuation)
            if isDead { return pending.fail(StorageError.closed) }
            queue.append(pending)
            if isImmediate { _ = try? commit(first: 1) }
        }
    }

    package func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        if isDead { throw StorageError.closed }
        return try medium.read(body)
    }

    package func migrate(_ migrations: [Migration], owner: String) async throws {
        try await write { try Schema.migrate(migrations, owner: owner, in: $0) }
    }

    package func close() async { die() }

    /// Commits the first writes that wait, together; if one throws, each alone.
    /// - Throws: ``Death`` when the process died at it; nobody was resumed then.
    package func commit(first count: Int) throws {
        let batch = Array(queue.prefix(count))
        queue.removeFirst(batch.count)
        try run(batch)
    }

    private func run(_ batch: [any PendingWrite]) throws {
        do {
            try medium.connection.commit(batch, wrap: wrap, reached: reached)
            for write in batch { write.succeed() }
        } catch {
            medium.connection.rollBack()
            if error is Death {
                queue.insert(contentsOf: batch, at: 0)
                throw error
            }
            if batch.count == 1 { return batch[0].fail(error) }
            for (index, write) in batch.enumerated() {
                do { try run([write]) } catch {
                    queue.insert(contentsOf: batch[(index + 1)...], at: 1)
                    throw error
                }
            }
        }
    }

    /// Refuses whatever waits and whatever comes.
    package func die() {
        isDead = true
        let batch = queue
        queue = []
        for write in batch { write.fail(StorageError.closed) }
    }
}
