import HTTPTypes
import WaybillClient
import Web

/// The routes of a service that runs elsewhere, as a gateway offers them: each request goes to one of the service's instances, and its answer comes back as it is.
struct ProxyRoutes: Sendable {
    let pool: UpstreamPool

    /// The same paths and methods; what they do is done there.
    /// - Parameter routes: of the service; their handlers are not called.
    func routes(_ routes: [Route]) -> [Route] {
        routes.map { route in route.forwarded { request in try await forward(request, route.answer) } }
    }

    private func forward(_ request: WebRequest, _ answer: Route.Answer) async throws -> WebResponse {
        guard !ForwardedHeaders.isLooping(request) else {
            throw Problem(
                HTTPResponse.Status(code: 508, reasonPhrase: "Loop Detected"), "gateway-loop",
                "This gateway forwards the request to a gateway of its own: the address configured for \(pool.name) is not that service.")
        }
        let outgoing = ClientRequest(
            method: request.method.rawValue, path: request.target, headers: ForwardedHeaders.request(request), body: request.body)
        do {
            if answer == .stream { return try await ProxyRoutes.passOn(pool.stream(outgoing, by: request.deadline), limit: pool.configuration.maximumBody) }
            let response = try await pool.send(outgoing, by: request.deadline, isSlow: answer == .slow)
            return WebResponse(
                status: HTTPResponse.Status(code: response.status), headers: ForwardedHeaders.response(response.headers), body: .bytes(response.body))
        } catch let failure as UpstreamFailure {
            throw UpstreamProblem(service: pool.name, request: request, failure: failure).problem
        }
    }

    /// A stream goes on piece by piece, as it comes; a refusal has an end and goes on as a whole.
    private static func passOn(_ response: StreamedResponse, limit: Int) async throws -> WebResponse {
        let (status, headers) = (HTTPResponse.Status(code: response.status), ForwardedHeaders.response(response.headers))
        guard status.kind == .successful else {
            do { return WebResponse(status: status, headers: headers, body: .bytes(try await response.collect(upTo: limit))) } catch let error as ClientError {
                throw UpstreamFailure(error)
            }
        }
        // Read only as fast as the client takes it. A failure ends the stream: its listener comes again with the last id it saw.
        return WebResponse(status: status, headers: headers, body: .stream(AsyncStream { try? await response.next() }))
    }
}

/// Puts an ``UpstreamFailure`` into the words of a problem.
struct UpstreamProblem {
    let service: String
    let method: HTTPRequest.Method
    let hasKey: Bool
    let failure: UpstreamFailure

    init(service: String, request: WebRequest, failure: UpstreamFailure) {
        (self.service, self.failure) = (service, failure)
        (method, hasKey) = (request.method, request.headers[.idempotencyKey] != nil)
    }

    var problem: Problem {
        switch failure {
        case .open(let seconds):
            Problem(
                .serviceUnavailable, "upstream-unavailable", "The service \(service) does not answer and is being left alone for a while; nothing was done.",
                headers: [.retryAfter: String(seconds)])
        case .unreachable:
            Problem(
                .serviceUnavailable, "upstream-unavailable", "The service \(service) cannot be reached; nothing was done. Try again.",
                headers: [.retryAfter: "1"])
        case .stopping: Problem.unavailable("The gateway is shutting down; nothing was done. Try again.")
        case .deadlinePassed: RequestDeadline.passed
        case .invalid: Problem(.badRequest, "malformed-target", "The request cannot be passed on: its path or a header is not properly encoded.")
        case .unanswered(_, let isTimeout): unanswered(isTimeout)
        case .unreadable: lost(.badGateway, "bad-upstream-answer", "The service \(service) gave an answer that cannot be passed on")
        }
    }

    private func unanswered(_ isTimeout: Bool) -> Problem {
        let happened = isTimeout ? "did not answer in time" : "was cut off before it had answered"
        return lost(isTimeout ? .gatewayTimeout : .badGateway, isTimeout ? "upstream-timeout" : "upstream-lost", "The service \(service) \(happened)")
    }

    /// The request may have been carried out. Who only reads need not care; anybody else must be told what to do (RELIABILITY, S17).
    private func lost(_ status: HTTPResponse.Status, _ type: String, _ happened: String) -> Problem {
        if method == .get || method == .head { return Problem(status, type, "\(happened). Try again.", headers: [.retryAfter: "1"]) }
        let advice =
            hasKey
            ? "Repeat the request with the same Idempotency-Key: it is done once."
            : method == .put
                ? "Repeat the request: it sets what it sets, however often it comes."
                : "Look whether it was done before you repeat it, and send an Idempotency-Key, with which requests can be repeated safely."
        return Problem(status, "outcome-unknown", "\(happened); whether the request was carried out is not known. \(advice)", headers: [.retryAfter: "1"]) {
            $0.member("outcome", "unknown")
        }
    }
}
