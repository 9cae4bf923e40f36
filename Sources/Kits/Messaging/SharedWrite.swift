import Storage
import Synchronization

/// Lets callers who come one by one share a write: what has gathered by the time the database runs it is written together.
///
/// Nobody waits for the sake of others: the first who comes asks the database for a write, and whoever comes before the database gets to it comes along. If the shared write fails for
/// a reason of its own, each item is written alone, so that only the guilty one's caller is told.
final class SharedWrite<Item: Sendable>: Sendable {
    private typealias Caller = UnsafeContinuation<Role, any Error>

    /// What a caller has to do.
    private enum Role { case lead, nothing }

    private struct State {
        var items: [Item] = []
        /// The callers of all items but the first, whose caller leads.
        var followers: [Caller] = []
    }

    /// What one write has taken up; kept when the database runs it again.
    private final class Batch: Sendable {
        private let state = Mutex<State?>(nil)

        /// The items of this batch: all that have gathered, when asked for the first time.
        func state(from gathering: borrowing Mutex<State>) -> State {
            state.withLock { state in
                if let state { return state }
                let taken = gathering.withLock { gathering in
                    defer { gathering = State() }
                    return gathering
                }
                state = taken
                return taken
            }
        }
    }

    private let database: any Database
    private let body: @Sendable ([Item], any Transaction) throws -> Void
    private let gathering = Mutex(State())

    /// - Parameter body: writes items; may be run again after a rollback.
    init(_ database: any Database, body: @escaping @Sendable ([Item], any Transaction) throws -> Void) { (self.database, self.body) = (database, body) }

    /// Returns when the item is durable.
    /// - Throws: what the body throws for this item, or ``StorageError``.
    func add(_ item: Item) async throws {
        let role = try await withUnsafeThrowingContinuation { (caller: Caller) in
            let isFirst = gathering.withLock { state in
                state.items.append(item)
                if state.items.count > 1 { state.followers.append(caller) }
                return state.items.count == 1
            }
            if isFirst { caller.resume(returning: .lead) }
        }
        if role == .lead { try await lead() }
    }

    private func lead() async throws {
        let batch = Batch()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await database.write { [self] in try body(batch.state(from: gathering).items, $0) })
        } catch { outcome = .failure(error) }
        // The database may have refused without running anything.
        let state = batch.state(from: gathering)
        if case .failure(let error) = outcome, !state.followers.isEmpty, (error as? StorageError)?.isOutage != true { return try await separate(state) }
        for follower in state.followers { follower.resume(with: outcome.map { .nothing }) }
        try outcome.get()
    }

    private func separate(_ state: State) async throws {
        var first: (any Error)?
        for (index, item) in state.items.enumerated() {
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await database.write { [self] in try body([item], $0) }) } catch { outcome = .failure(error) }
            if index > 0 { state.followers[index - 1].resume(with: outcome.map { .nothing }) } else if case .failure(let error) = outcome { first = error }
        }
        if let first { throw first }
    }
}
