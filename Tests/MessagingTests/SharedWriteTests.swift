import Storage
import Synchronization
import TestDatabases
import Testing

@testable import Messaging

@Suite("Writes that callers share", .timeLimit(.minutes(1)))
struct SharedWriteTests {
    /// A database that is busy until it is told otherwise, and counts.
    private final class BusyDatabase: Database {
        private let inner: any Database
        private let gate = AsyncStream<Void>.makeStream()
        private let begun = Mutex(0)
        private let outage = Mutex<StorageError?>(nil)
        let name = "busy"
        /// How many writes have been asked for.
        var writes: Int { begun.withLock { $0 } }

        init() throws { inner = try TestDatabase.open("busy") }

        /// Goes on; with an error whoever waits is refused.
        func goOn(refusing error: StorageError? = nil) {
            outage.withLock { $0 = error }
            gate.continuation.finish()
        }

        func write<T: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> T) async throws -> T {
            begun.withLock { $0 += 1 }
            for await _ in gate.stream {}
            if let error = outage.withLock({ $0 }) { throw error }
            return try await inner.write(body)
        }
        func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T { try await inner.read(body) }
        func migrate(_ migrations: [Migration], owner: String) async throws { try await inner.migrate(migrations, owner: owner) }
        func close() async { await inner.close() }
    }
    private struct Refused: Error, Equatable { let number: Int }

    /// Has eight numbers written while the database is busy, and returns what each caller was told.
    private func outcomes(
        of write: SharedWrite<Int, Int>, on database: BusyDatabase, refusing error: StorageError? = nil
    ) async throws -> [Int: Result<Int, any Error>] {
        await withTaskGroup(of: (Int, Result<Int, any Error>).self) { group in
            for number in 0..<8 {
                group.addTask {
                    do { return (number, .success(try await write.add(number))) } catch { return (number, .failure(error)) }
                }
            }
            while write.waiting < 8 { await Task.yield() }
            database.goOn(refusing: error)
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    @Test("all that gathers while the database is busy is one write, and each caller has an answer of its own")
    func together() async throws {
        let database = try BusyDatabase()
        let write = SharedWrite<Int, Int>(database) { numbers, _ in numbers.map { $0 * 10 } }
        let outcomes = try await outcomes(of: write, on: database)
        #expect(try outcomes.mapValues { try $0.get() } == Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, $0 * 10) }))
        #expect(database.writes == 1 && write.waiting == 0)
        // Whoever comes later has a write of its own.
        #expect(try await write.add(9) == 90)
        #expect(database.writes == 2)
        await database.close()
    }

    @Test("what fails for one is written for the others", arguments: [0, 5])
    func apart(guilty: Int) async throws {
        let database = try BusyDatabase()
        let write = SharedWrite<Int, Int>(database) { numbers, _ in
            if numbers.contains(guilty) { throw Refused(number: guilty) }
            return numbers.map { $0 * 10 }
        }
        for (number, outcome) in try await outcomes(of: write, on: database) {
            switch outcome {
            case .success(let answer): #expect(number != guilty && answer == number * 10)
            case .failure(let error): #expect(number == guilty && error as? Refused == Refused(number: guilty))
            }
        }
        #expect(database.writes == 9)
        await database.close()
    }

    @Test("an outage is told to all, and not asked for again by each")
    func outage() async throws {
        let database = try BusyDatabase()
        let write = SharedWrite<Int, Int>(database) { numbers, _ in numbers }
        for outcome in try await outcomes(of: write, on: database, refusing: .away).values {
            guard case .failure(let error) = outcome else {
                Issue.record("nothing was written")
                continue
            }
            #expect(error as? StorageError == .away)
        }
        #expect(database.writes == 1)
        await database.close()
    }
}
