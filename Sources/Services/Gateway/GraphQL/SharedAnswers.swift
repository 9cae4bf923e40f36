import GraphQL
import Synchronization
import Wire

/// Lets a number of tasks work at the same time; the others wait in order.
final class Permits: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        var next = 0
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.next < state.waiting.count else {
                state.free += 1
                return nil
            }
            defer { state.next += 1 }
            return state.waiting[state.next]
        }
        waiting?.resume()
    }
}

/// The answers to an operation's questions, those that are still to come included.
final class SharedAnswers: Sendable {
    typealias Answer = Result<JSONValue, GraphQLError>

    private enum Entry {
        case coming([CheckedContinuation<Answer, Never>])
        case here(Answer)
    }

    private let entries = Mutex<[SourceRequest: Entry]>([:])

    /// The answer to a question: the first who asks finds it out, the others wait for him.
    func value(_ question: SourceRequest, _ find: @Sendable () async -> Answer) async -> Answer {
        let isFirst = entries.withLock { entries in
            guard entries[question] == nil else { return false }
            entries[question] = .coming([])
            return true
        }
        guard isFirst else { return await wait(question) }
        let answer = await find()
        let waiting = entries.withLock { entries -> [CheckedContinuation<Answer, Never>] in
            defer { entries[question] = .here(answer) }
            if case .coming(let waiting) = entries[question] { return waiting }
            return []
        }
        for continuation in waiting { continuation.resume(returning: answer) }
        return answer
    }

    private func wait(_ question: SourceRequest) async -> Answer {
        await withCheckedContinuation { continuation in
            let answer = entries.withLock { entries -> Answer? in
                switch entries[question] {
                case .here(let answer): return answer
                case .coming(let waiting):
                    entries[question] = .coming(waiting + [continuation])
                    return nil
                case nil: return .failure(GraphQLError("The question was forgotten.", code: "internal-error"))
                }
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Forgets what is known, because it may be true no more. Changes come one after the other, so that nothing is on its way then.
    func forget() {
        entries.withLock { entries in
            entries = entries.filter { if case .coming = $0.value { true } else { false } }
        }
    }
}
