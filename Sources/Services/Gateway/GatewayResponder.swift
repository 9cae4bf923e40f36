import HTTPTypes
import HummingbirdCore
import Messaging
import Metrics
import NIOCore
import NIOHTTP1
import Resilience
import Web
import Wire

/// Leads a request to its route and answers whatever happens: refusals and failures become problem details, nothing escapes.
struct GatewayResponder: Sendable {
    /// The largest body accepted: 1 MiB.
    static let maximumBody = 1 << 20

    private let api: RouteDispatcher
    private let root: RouteDispatcher
    private let apiMeters: [RouteMeter]
    private let rootMeters: [RouteMeter]
    private let unknownMeter: RouteMeter
    private let gate: AdmissionGate
    private let trust: InternalTrust?
    private let context: ServiceContext
    private let addresses: ClientAddress
    private let finish: AnswerFinish
    private let log: AccessLog
    private let limits: RequestLimits?
    private let date = HTTPDate()

    /// - Parameters:
    ///   - api: routes below `/api/v1` and `/api`.
    ///   - root: routes at the root; nobody is refused there for want of room, so that health and metrics can be read when nothing else can.
    ///   - trust: whose `X-Request-Id` is taken over; nil for nobody's.
    ///   - limits: how fast callers may ask; nil for as fast as they like.
    init(
        api: RouteDispatcher, root: RouteDispatcher, gate: AdmissionGate, trust: InternalTrust?, edge: EdgeConfiguration, limits: RequestLimits?,
        context: ServiceContext, log: AccessLog
    ) {
        (self.api, self.root, self.gate, self.trust, self.limits, self.context, self.log) = (api, root, gate, trust, limits, context, log)
        (addresses, finish) = (ClientAddress(trusted: edge.trustedProxies), AnswerFinish(edge))
        apiMeters = api.routes.map { RouteMeter(method: $0.method.rawValue, path: "/api/v1" + $0.path) }
        rootMeters = root.routes.map { RouteMeter(method: $0.method.rawValue, path: $0.path) }
        unknownMeter = RouteMeter(method: "any", path: "unknown")
    }

    /// Answers a request.
    /// - Parameter peer: the other end of the connection.
    func respond(to request: Request, from peer: IPAddress?) async -> Response {
        let arrival = arrival(of: request, from: peer)
        var (meter, answer) = (unknownMeter, finish.preflight(request.head))
        if answer == nil {
            let (found, made) = await self.answer(request, arrival)
            (meter, answer) = (found, made)
        }
        guard var answer else { return Response(status: .internalServerError) }
        finish.finish(&answer, request.head, isPublic: request.isReading && !request.uri.path.hasPrefix("/api"))
        let elapsed = ContinuousClock.now - arrival.time
        meter.record(answer.status, elapsed)
        log.record(
            AccessLog.Entry(
                id: arrival.id, request: request.head, route: meter.route, address: arrival.address, sender: arrival.sender, answer: answer, elapsed: elapsed))
        return response(answer, arrival.id, isHead: request.method == .head)
    }

    private func arrival(of request: Request, from peer: IPAddress?) -> Arrival {
        let isInternal = trust?.covers(request.headers) ?? false
        let given = isInternal ? request.headers[.requestID].flatMap { Identifier($0) } : nil
        return Arrival(
            id: given ?? context.newID(), time: .now, isInternal: isInternal,
            address: addresses.address(of: request.headers, peer: peer, isInternal: isInternal), sender: log.sender)
    }

    /// What is known of a request before anything of it was looked at.
    private struct Arrival {
        /// The identity that another process of the platform has given the request already, or one of its own.
        let id: Identifier
        let time: ContinuousClock.Instant
        /// Whether another process of the platform sends it.
        let isInternal: Bool
        /// Where it comes from.
        let address: IPAddress?
        /// Where the access log is told who sends it.
        let sender: AccessLog.Sender?
    }

    private func answer(_ request: Request, _ arrival: Arrival) async -> (RouteMeter, WebResponse) {
        let id = arrival.id
        guard let target = RequestTarget(request.uri.string) else { return (unknownMeter, Problem.malformedTarget.response(instance: id)) }
        let isAPI = target.segments.first == "api"
        let (dispatcher, meters, match) = find(request.method, target.segments)
        switch match {
        case .notFound:
            return (unknownMeter, Problem(.notFound, "no-such-path", "There is nothing at this path.").response(instance: id))
        case .methodNotAllowed(let methods):
            let allow = Set(methods.map(\.rawValue)).sorted().joined(separator: ", ")
            let problem = Problem(.methodNotAllowed, "method-not-allowed", "This path answers \(allow).", headers: [.allow: allow])
            return (unknownMeter, problem.response(instance: id))
        case .found(let index, let parameters):
            let route = dispatcher.routes[index]
            // Seldom asked for, so not made beforehand for every route.
            let meter = request.method == .head ? RouteMeter(method: "HEAD", path: meters[index].route) : meters[index]
            // Health and metrics are for everybody at all times; what makes work is not.
            guard isAPI || route.path == GraphQLEndpoint.path else {
                return (meter, await run(route, dispatcher, request, target, parameters, arrival))
            }
            let kind: AdmissionControl.Kind = route.startsWork ? .starting : .other
            let entry: AdmissionGate.Entry
            switch gate.enter(kind) {
            case .success(let admitted): entry = admitted
            case .failure(let refusal): return (meter, AdmissionGate.problem(retryAfterSeconds: refusal.retryAfterSeconds).response(instance: id))
            }
            defer { gate.leave(entry) }
            return (meter, await run(route, dispatcher, request, target, parameters, arrival))
        }
    }

    private func find(_ method: HTTPRequest.Method, _ segments: [String]) -> (RouteDispatcher, [RouteMeter], RouteTable.Match) {
        guard segments.first == "api" else { return (root, rootMeters, root.match(method, segments)) }
        let rest = segments.dropFirst(segments.count > 1 && segments[1] == "v1" ? 2 : 1)
        return (api, apiMeters, api.match(method, Array(rest)))
    }

    private func run(
        _ route: Route, _ dispatcher: RouteDispatcher, _ request: Request, _ target: RequestTarget, _ parameters: [String: String], _ arrival: Arrival
    ) async -> WebResponse {
        let id = arrival.id
        var quota: HTTPFields = [:]
        var answer = await dispatcher.guarded(route, id) {
            let caller = try await dispatcher.control.caller(request.headers, for: route.access)
            arrival.sender?.isKnown(as: caller.principal)
            quota = try await self.quota(of: caller, route, target, arrival)
            let isOwnOnly = try await dispatcher.control.admit(caller, to: route.access, parameters: parameters, query: target.query)
            let deadline = try RequestDeadline.read(request.headers, arrival: arrival.time, isInternal: arrival.isInternal)
            try GatewayResponder.check(deadline)
            let body = try await collect(request)
            try GatewayResponder.check(deadline)
            let principal = caller.principal ?? .nobody
            let headers = GatewayResponder.traced(request.headers, id, isForwarded: route.isForwarded)
            let scope = RequestScope(id: id, deadline: deadline, traceparent: headers[.traceParent], principal: principal)
            // The route's method: to a handler HEAD is GET, whose headers are to be known.
            return try await RequestScope.$current.withValue(scope) {
                try await route.handle(
                    WebRequest(
                        method: route.method, path: target.path, parameters: parameters, query: target.query, headers: headers, body: body, id: id,
                        target: request.uri.string, deadline: deadline, clientAddress: arrival.address, principal: principal, isOwnOnly: isOwnOnly))
            }
        }
        if answer.status == .unauthorized, let refusal = await limits?.refusal(address: arrival.address) { answer = refusal.response(instance: id) }
        answer.headers.append(contentsOf: quota)
        return answer
    }

    /// Counts a request where its caller is limited: only an entry does, and not what another one has let in.
    /// - Returns: what the answer tells of it.
    private func quota(
        of caller: AccessControl.Caller, _ route: Route, _ target: RequestTarget, _ arrival: Arrival
    ) async throws(Problem) -> HTTPFields {
        guard let limits, !caller.isVouchedFor else { return [:] }
        let kind = RequestClass(route)
        // Health, metrics and what else everybody may see at the root are free.
        guard kind == .token || target.segments.first == "api" || !route.access.roles.isEmpty else { return [:] }
        return try await limits.admit(kind, caller.principal, address: arrival.address)
    }

    /// Nothing is begun for a caller who has gone.
    private static func check(_ deadline: ContinuousClock.Instant?) throws(Problem) {
        if let deadline, deadline <= .now { throw RequestDeadline.passed }
    }

    private func collect(_ request: Request) async throws -> [UInt8] {
        guard !request.isReading else { return [] }
        let length = request.headers[values: .contentLength].first.flatMap { Int($0) }
        if let length, length > GatewayResponder.maximumBody { throw GatewayResponder.tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: GatewayResponder.maximumBody)
            // A client that goes away in the middle has not sent a request (RFC 9112, 8): what is there of it must not be done.
            if let length, length != buffer.readableBytes { throw GatewayResponder.incomplete }
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError { throw GatewayResponder.tooLarge } catch is HTTPParserError { throw GatewayResponder.incomplete }
    }

    /// The headers with the request's place in a trace: what it says itself, if that is one, or for another process a new one.
    private static func traced(_ headers: HTTPFields, _ id: Identifier, isForwarded: Bool) -> HTTPFields {
        let given = TraceContext.given(headers)
        guard given == nil, isForwarded || headers.contains(.traceParent) else { return headers }
        var headers = headers
        headers[.traceParent] = isForwarded ? TraceContext.began(by: id) : nil
        headers[.traceState] = nil
        return headers
    }

    private static let incomplete = Problem(.badRequest, "incomplete-body", "The body ended before its end.", headers: [.connection: "close"])

    private static let tooLarge = Problem(
        .contentTooLarge, "body-too-large", "The body must not have more than \(GatewayResponder.maximumBody) bytes.", headers: [.connection: "close"])

    /// - Parameter isHead: whether the answer ends with its headers, which are those that GET would have had.
    private func response(_ answer: WebResponse, _ id: Identifier, isHead: Bool) -> Response {
        var headers = answer.headers
        headers[.requestID] = id.description
        headers[.date] = date.text(at: context.now.milliseconds / 1_000)
        switch answer.body {
        case .bytes(let bytes):
            let response = Response(status: answer.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
            return isHead ? response.createHeadResponse() : response
        case .stream where isHead:
            // By this field the EntryHandler knows that not even the end of a body may follow.
            headers[.transferEncoding] = "chunked"
            return Response(status: answer.status, headers: headers, body: ResponseBody { writer in try await writer.finish(nil) })
        case .stream(let stream):
            let body = ResponseBody { writer in
                for await piece in stream { try await writer.write(ByteBuffer(bytes: piece)) }
                try await writer.finish(nil)
            }
            return Response(status: answer.status, headers: headers, body: body)
        }
    }
}

extension Request {
    /// Whether it is one of those that change nothing and have no body of any meaning.
    fileprivate var isReading: Bool { method == .get || method == .head }
}

/// The metrics of one route, made once: looking a metric up by its labels for every request would cost more than the request's routing.
struct RouteMeter: Sendable {
    /// The route's pattern.
    let route: String
    private let classes: [Counter]
    private let duration: Metrics.Timer

    init(method: String, path: String) {
        route = path
        classes = ["2xx", "3xx", "4xx", "5xx"].map { Counter(label: "http_requests", dimensions: [("method", method), ("route", path), ("status", $0)]) }
        duration = Metrics.Timer(label: "http_request_duration", dimensions: [("method", method), ("route", path)])
    }

    func record(_ status: HTTPResponse.Status, _ elapsed: Duration) {
        classes[min(max(status.code / 100 - 2, 0), 3)].increment()
        let (seconds, attoseconds) = elapsed.components
        duration.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
