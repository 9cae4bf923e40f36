import GraphQL
import HTTPTypes
import Synchronization
import Web
import Wire

/// Answers the fields of one operation from the platform's own routes, as the one who sent the operation: their access rules, checks and limits are the same for
/// him here as there.
///
/// A route is asked the same question once: what several fields need is shared, until something is changed.
final class RouteSource: GraphQLSource {
    /// Runs a request through the routes; it always answers.
    typealias Dispatch = @Sendable (WebRequest) async -> WebResponse

    /// How many routes are asked at the same time for one operation.
    static let concurrency = 8

    private let request: WebRequest
    private let deadline: ContinuousClock.Instant
    private let dispatch: Dispatch
    private let permits = Permits(RouteSource.concurrency)
    private let answers = SharedAnswers()
    /// The key of the whole request; it stands for the operation's only change.
    private let idempotencyKey: String?

    /// - Parameters:
    ///   - request: which brought the operation.
    ///   - deadline: when nobody waits for the answer any more.
    ///   - idempotencyKey: for a change that has no key of its own.
    init(_ request: WebRequest, deadline: ContinuousClock.Instant, idempotencyKey: String?, dispatch: @escaping Dispatch) {
        (self.request, self.deadline, self.idempotencyKey, self.dispatch) = (request, deadline, idempotencyKey, dispatch)
    }

    func fetch(_ question: SourceRequest) async throws -> JSONValue {
        guard question.isChange else { return try await answers.value(question) { await self.ask(question) }.get() }
        answers.forget()
        defer { answers.forget() }
        return try await ask(question).get()
    }

    private func ask(_ question: SourceRequest) async -> Result<JSONValue, GraphQLError> {
        await permits.take()
        defer { permits.giveBack() }
        guard deadline > .now else { return .failure(RouteSource.error(RequestDeadline.passed.response(instance: nil))) }
        // Names of things are letters, digits and dashes; anything else could mean another path.
        guard let method = HTTPRequest.Method(rawValue: question.method), question.path.allSatisfy(RouteSource.isName) else {
            return .failure(RouteSource.error(Problem.notFound("thing").response(instance: nil)))
        }
        let response = await dispatch(inner(question, method))
        guard response.status.kind == .successful, case .bytes(let bytes) = response.body else { return .failure(RouteSource.error(response)) }
        do { return .success(try JSONParser.parse(bytes)) } catch {
            return .failure(GraphQLError("A service's answer is not JSON.", code: "internal-error"))
        }
    }

    /// The request as a route would get it from the client himself.
    private func inner(_ question: SourceRequest, _ method: HTTPRequest.Method) -> WebRequest {
        var headers = HTTPFields()
        for name in [HTTPField.Name.actor, .userAgent, .via, .forwardedFor, .traceParent] { headers[values: name] = request.headers[values: name] }
        if question.isChange {
            headers[.contentType] = "application/json"
            headers[.idempotencyKey] = question.idempotencyKey ?? idempotencyKey
        }
        let path = "/api/v1/" + question.path.joined(separator: "/")
        let query = question.query.sorted { $0.key < $1.key }
        let text = query.map { "\(RouteSource.encoded($0.key))=\(RouteSource.encoded($0.value))" }.joined(separator: "&")
        return WebRequest(
            method: method, path: path, query: query.map { (name: $0.key, value: $0.value) }, headers: headers, body: question.body, id: request.id,
            target: text.isEmpty ? path : "\(path)?\(text)", deadline: deadline, peer: request.peer, principal: request.principal)
    }

    private static func isName(_ segment: String) -> Bool {
        !segment.isEmpty && segment.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 }
    }

    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95, 126].contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A refusal in the words of the route that refused: the problem's members are the error's extensions.
    private static func error(_ response: WebResponse) -> GraphQLError {
        var problem = JSONObject(members: [])
        if case .bytes(let bytes) = response.body, let object = (try? JSONParser.parse(bytes))?.object { problem = object }
        let type = problem["type"]?.string ?? ""
        let code = type.split(separator: "/").last.map(String.init) ?? "internal-error"
        let told: Set<String> = ["type", "title", "status", "detail", "instance", "code"]
        var extensions: [JSONObject.Member] = [.init(key: "status", value: .number(String(response.status.code)))]
        if !type.isEmpty { extensions.append(.init(key: "type", value: .string(type))) }
        if let seconds = response.headers[.retryAfter].flatMap({ Int($0) }) {
            extensions.append(.init(key: "retryAfterSeconds", value: .number(String(seconds))))
        }
        extensions += problem.members.filter { !told.contains($0.key) }
        return GraphQLError(problem["detail"]?.string ?? "A service refused without a reason.", code: code, extensions: extensions)
    }
}

/// Lets a number of tasks work at the same time; the others wait in order.
private final class Permits: Sendable {
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
private final class SharedAnswers: Sendable {
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
