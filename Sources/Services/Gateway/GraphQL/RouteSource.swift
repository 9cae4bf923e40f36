import GraphQL
import HTTPTypes
import Resilience
import Web
import Wire

/// Answers the fields of one operation from the platform's own routes, as the one who sent the operation: their access rules, checks and limits are the same for
/// him here as there.
///
/// A route is asked the same question once: what several fields need is shared, until something is changed.
final class RouteSource: GraphQLSource {
    /// How many routes are asked at the same time for one operation.
    static let concurrency = 8

    private let request: WebRequest
    private let deadline: ContinuousClock.Instant
    /// The key of the whole request; it stands for the operation's only change.
    private let idempotencyKey: String?
    private let dispatcher: RouteDispatcher
    private let gate: AdmissionGate
    private let limits: RequestLimits?
    private let permits = Permits(RouteSource.concurrency)
    private let answers = SharedAnswers()

    /// - Parameters:
    ///   - request: which brought the operation.
    ///   - deadline: when nobody waits for the answer any more.
    ///   - idempotencyKey: for a change that has no key of its own.
    ///   - gate: lets each question in like a request from outside, so that an operation starts no work where a request could not.
    ///   - limits: counts each question like a request from outside.
    init(
        _ request: WebRequest, deadline: ContinuousClock.Instant, idempotencyKey: String?, dispatcher: RouteDispatcher, gate: AdmissionGate,
        limits: RequestLimits?
    ) {
        (self.request, self.deadline, self.idempotencyKey) = (request, deadline, idempotencyKey)
        (self.dispatcher, self.gate, self.limits) = (dispatcher, gate, limits)
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
        let response = await answer(question)
        guard response.status.kind == .successful, case .bytes(let bytes) = response.body else { return .failure(RouteSource.error(response)) }
        do { return .success(try JSONParser.parse(bytes)) } catch {
            return .failure(GraphQLError("A service's answer is not JSON.", code: "internal-error"))
        }
    }

    private func answer(_ question: SourceRequest) async -> WebResponse {
        guard deadline > .now else { return RequestDeadline.passed.response(instance: nil) }
        // Names of things are letters, digits and dashes; anything else could mean another path.
        guard let method = HTTPRequest.Method(rawValue: question.method), question.path.allSatisfy(RouteSource.isName) else {
            return Problem.notFound(question.path.first == "orders" ? "order" : "product").response(instance: nil)
        }
        var kind = AdmissionControl.Kind.other
        if case .found(let index, _) = dispatcher.match(method, question.path) {
            let route = dispatcher.routes[index]
            if route.startsWork { kind = .starting }
            do { _ = try await limits?.admit(RequestClass(route), request.principal, address: request.clientAddress) } catch {
                return error.response(instance: nil)
            }
        }
        switch gate.enter(kind) {
        case .failure(let refusal): return AdmissionGate.problem(retryAfterSeconds: refusal.retryAfterSeconds).response(instance: nil)
        case .success(let entry):
            defer { gate.leave(entry) }
            return await dispatcher.answer(
                method, target(question), headers: headers(question), body: question.body, as: request.principal, id: request.id, deadline: deadline,
                clientAddress: request.clientAddress)
        }
    }

    private func target(_ question: SourceRequest) -> String {
        let query = question.query.sorted { $0.key < $1.key }.map { "\(RouteSource.encoded($0.key))=\(RouteSource.encoded($0.value))" }
        return "/" + question.path.joined(separator: "/") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// The fields that a route would get from the client himself.
    private func headers(_ question: SourceRequest) -> HTTPFields {
        var headers = HTTPFields()
        for name in [HTTPField.Name.actor, .userAgent, .via, .traceParent] { headers[values: name] = request.headers[values: name] }
        if question.isChange {
            headers[.contentType] = "application/json"
            headers[.idempotencyKey] = question.idempotencyKey ?? idempotencyKey
        }
        return headers
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
