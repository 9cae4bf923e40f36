import Contracts
import Synchronization
import Web

/// Puts the questions of orders that are placed at about the same time into one request. Requests begin an interval apart while orders come one after the other; after a rest the first is sent
/// at once, with its own deadline and trace. A question costs Inventory a product's row, a request two processes some hundred microseconds.
final class GatheredQuestions: Sendable {
    typealias Ask = @Sendable ([AvailabilityQuestion]) async throws -> [ProductAvailability?]

    /// The most questions of a request: below what Inventory takes at once, with what one order may ask.
    static let maximumQuestions = 1000

    private struct Asker {
        let questions: [AvailabilityQuestion]
        let continuation: CheckedContinuation<[ProductAvailability?], any Error>
    }
    private struct State {
        var askers: [Asker] = []
        var count = 0
        /// When the next request may begin.
        var due: ContinuousClock.Instant?
    }

    /// What was asked together went wrong, perhaps for somebody else's question.
    private struct AskAlone: Error {}

    private let interval: Duration
    private let ask: Ask
    private let state = Mutex(State())

    /// - Parameters:
    ///   - interval: between the beginnings of two requests.
    ///   - ask: asks Inventory; bounded in time.
    init(interval: Duration = .milliseconds(10), _ ask: @escaping Ask) { (self.interval, self.ask) = (interval, ask) }

    /// What is available, in the order of the questions.
    func check(_ questions: [AvailabilityQuestion]) async throws -> [ProductAvailability?] {
        let isAlone = state.withLock { state in
            let now = ContinuousClock.now
            // Whoever finds no room need not wait for anybody.
            if state.count + questions.count > GatheredQuestions.maximumQuestions { return true }
            guard state.askers.isEmpty, now >= state.due ?? now else { return false }
            state.due = now + interval
            return true
        }
        if isAlone { return try await ask(questions) }
        do { return try await askTogether(questions) } catch is AskAlone { return try await ask(questions) }
    }

    private func askTogether(_ questions: [AvailabilityQuestion]) async throws -> [ProductAvailability?] {
        try await withCheckedThrowingContinuation { continuation in
            let due: ContinuousClock.Instant? = state.withLock { state in
                let isFirst = state.askers.isEmpty
                state.askers.append(Asker(questions: questions, continuation: continuation))
                state.count += questions.count
                return isFirst ? state.due ?? .now : nil
            }
            guard let due else { return }
            // On the platform's own behalf, with the name of the first who asked, and in nobody's task in particular: the end of one must not be the end of the others.
            let scope = RequestScope.current.map { RequestScope(id: $0.id, traceparent: $0.traceparent, principal: .platform) }
            Task.detached { [self] in
                try? await Task.sleep(until: due, clock: .continuous)
                await RequestScope.$current.withValue(scope) { await send() }
            }
        }
    }

    private func send() async {
        let askers = state.withLock { state in
            defer { (state.askers, state.count, state.due) = ([], 0, .now + interval) }
            return state.askers
        }
        do {
            let answers = try await ask(askers.flatMap(\.questions))
            guard answers.count == askers.reduce(0, { $0 + $1.questions.count }) else { throw AskAlone() }
            var rest = answers[...]
            for asker in askers {
                asker.continuation.resume(returning: Array(rest.prefix(asker.questions.count)))
                rest = rest.dropFirst(asker.questions.count)
            }
        } catch {
            // An answer that says no may be meant for one of them; silence is meant for all.
            let isAnswer = error is RemoteInventory.Unexpected || error is AskAlone
            for asker in askers { asker.continuation.resume(throwing: isAnswer && askers.count > 1 ? AskAlone() : error) }
        }
    }
}
