import Dispatch
import Storage

/// A latch that threads wait at until it is opened once and for ever.
final class Latch: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let reached: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() { (reached, arrival) = AsyncStream.makeStream() }

    /// Stops the calling thread, which must not be one of Swift's own, until the latch is open.
    func pass() {
        arrival.yield()
        semaphore.wait()
        semaphore.signal()
    }

    func open() { semaphore.signal() }

    /// Returns when somebody stands at the latch.
    func isReached() async { for await _ in reached { return } }
}

extension StorageSubject {
    /// Holds the writer inside a transaction, queues the writes in order behind it, lets go, and returns their results in order: so the writes wait together,
    /// and a writer that commits in groups runs them in one transaction.
    func together<T: Sendable>(_ writes: [@Sendable (any Transaction) throws -> T]) async throws -> [Result<T, any Error>] {
        let latch = Latch()
        let database = self.database
        async let holder: Void = database.write { _ in latch.pass() }
        await latch.isReached()
        let results = await withTaskGroup(of: (Int, Result<T, any Error>).self) { group in
            for (index, write) in writes.enumerated() {
                group.addTask {
                    do { return (index, .success(try await database.write(write))) } catch { return (index, .failure(error)) }
                }
                while waitingWrites() <= index { await Task.yield() }
            }
            latch.open()
            var results: [(Int, Result<T, any Error>)] = []
            for await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
        try await holder
        return results
    }
}
