import Storage
import Synchronization

/// Lets callers who come one by one share a write: what has gathered by the time the database runs it is written together.
///
/// Nobody waits for the sake of others: the first who comes asks the database for a write, and whoever comes before the database gets to it comes along. If the shared write fails for
/// a reason of its own, each item is written alone, so that only the guilty one's caller is told.
package final class SharedWrite<Item: Sendable, Answer: Sendable>: Sendable {
    private typealias Caller = UnsafeContinuation<Role, any Error>

    /// What a caller has to do: to write for all, or to take what another has had written.
    private enum Role {
        case lead
        case take(Answer)
    }

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
    private let body: @Sendable ([Item], any Transaction) throws -> [Answer]
    private let gathering = Mutex(State())

    /// How many items wait to be written.
    var waiting: Int { gathering.withLock { $0.items.count } }

    /// - Parameter body: writes items and returns an answer for each, in their order; may be run again after a rollback.
    package init(_ database: any Database, body: @escaping @Sendable ([Item], any Transaction) throws -> [Answer]) {
        (self.database, self.body) = (database, body)
    }

    /// Returns the item's answer when it is durable.
    /// - Throws: what the body throws for this item, or ``StorageError``.
    package func add(_ item: Item) async throws -> Answer {
        let role = try await withUnsafeThrowingContinuation { (caller: Caller) in
            let isFirst = gathering.withLock { state in
                state.items.append(item)
                if state.items.count > 1 { state.followers.append(caller) }
                return state.items.count == 1
            }
            if isFirst { caller.resume(returning: .lead) }
        }
        switch role {
        case .lead: return try await lead()
        case .take(let answer): return answer
        }
    }

    private func lead() async throws -> Answer {
        let batch = Batch()
        let outcome: Result<[Answer], any Error>
        do {
            outcome = .success(try await database.write { [self] in try write(batch.state(from: gathering).items, $0) })
        } catch { outcome = .failure(error) }
        // The database may have refused without running anything.
        let state = batch.state(from: gathering)
        switch outcome {
        case .success(let answers):
            for (follower, answer) in zip(state.followers, answers.dropFirst()) { follower.resume(returning: .take(answer)) }
            return answers[0]
        case .failure(let error):
            if !state.followers.isEmpty, (error as? StorageError)?.isOutage != true { return try await separate(state) }
            for follower in state.followers { follower.resume(throwing: error) }
            throw error
        }
    }

    private func separate(_ state: State) async throws -> Answer {
        var first: Result<Answer, any Error>?
        for (index, item) in state.items.enumerated() {
            let outcome: Result<Answer, any Error>
            do { outcome = .success(try await database.write { [self] in try write([item], $0)[0] }) } catch { outcome = .failure(error) }
            if index > 0 { state.followers[index - 1].resume(with: outcome.map { .take($0) }) } else { first = outcome }
        }
        guard let first else { preconditionFailure("a batch has at least the item of who leads it") }
        return try first.get()
    }

    private func write(_ items: [Item], _ transaction: any Transaction) throws -> [Answer] {
        let answers = try body(items, transaction)
        precondition(answers.count == items.count, "an answer for each item")
        return answers
    }
}
