import HTTPTypes
import Logging
import Storage
import Web
import Wire

/// The platform's routes with what holds for all of them, whoever asks: a client over HTTP, or a query that needs several of them. Nothing escapes: refusals and
/// failures become problem details.
struct RouteDispatcher: Sendable {
    let routes: [Route]
    let control: AccessControl
    private let table: RouteTable
    private let logger: Logger

    init(_ routes: [Route], control: AccessControl, logger: Logger) {
        (self.routes, self.control, self.logger) = (routes, control, logger)
        table = RouteTable(routes)
    }

    /// The route of a request, by the segments of its path below `/api/v1`.
    func match(_ method: HTTPRequest.Method, _ segments: [String]) -> RouteTable.Match { table.match(method, segments) }

    /// Answers a request that somebody who is known makes in this process.
    /// - Parameters:
    ///   - target: path and query below `/api/v1`, percent-encoded.
    ///   - principal: whose rights count.
    func answer(
        _ method: HTTPRequest.Method, _ target: String, headers: HTTPFields = [:], body: [UInt8] = [], as principal: Principal, id: Identifier,
        deadline: ContinuousClock.Instant? = nil, clientAddress: IPAddress? = nil
    ) async -> WebResponse {
        let whole = "/api/v1" + target
        guard let target = RequestTarget(whole) else { return Problem.malformedTarget.response(instance: id) }
        switch match(method, Array(target.segments.dropFirst(2))) {
        case .notFound: return Problem(.notFound, "no-such-path", "There is nothing at this path.").response(instance: id)
        case .methodNotAllowed: return Problem(.methodNotAllowed, "method-not-allowed", "This path has no such method.").response(instance: id)
        case .found(let index, let parameters):
            let route = routes[index]
            return await guarded(route, id) {
                let caller = AccessControl.Caller(principal: principal, isVouchedFor: false)
                let isOwnOnly = try await control.admit(caller, to: route.access, parameters: parameters, query: target.query)
                return try await route.handle(
                    WebRequest(
                        method: method, path: target.path, parameters: parameters, query: target.query, headers: headers, body: body, id: id,
                        target: whole, deadline: deadline, clientAddress: clientAddress, principal: principal, isOwnOnly: isOwnOnly))
            }
        }
    }

    /// Runs what may be refused or fail, and puts that into problem details.
    func guarded(_ route: Route, _ id: Identifier, _ body: () async throws -> WebResponse) async -> WebResponse {
        do { return try await body() } catch let problem as Problem {
            return problem.response(instance: id)
        } catch let error as StorageError where error == .overloaded || error == .closed {
            return Problem.unavailable("The platform is busy; nothing was done. Try again.").response(instance: id)
        } catch StorageError.away {
            return Problem.unavailable("A database is away; nothing was done. Try again.", retryAfterSeconds: 5).response(instance: id)
        } catch { return failure(error, route, id).response(instance: id) }
    }

    private func failure(_ error: any Error, _ route: Route, _ id: Identifier) -> Problem {
        switch error as? StorageError {
        case .full:
            logger.error("the disk is full", metadata: ["request": "\(id)", "error": "\(error)"])
            return Problem.unavailable("The platform cannot store anything now; nothing was done.", retryAfterSeconds: 30)
        case .uncertain:
            logger.error("the outcome of a commit is not known", metadata: ["request": "\(id)", "error": "\(error)"])
            return Problem.unavailable("Whether this was done is not known. Ask again with the same Idempotency-Key.", retryAfterSeconds: 5)
        case .broken:
            logger.error("a database failed under a request", metadata: ["request": "\(id)", "error": "\(error)"])
            return Problem.unavailable(
                "A database failed; whether this was done is known when the platform has recovered. Ask again with the same Idempotency-Key.",
                retryAfterSeconds: 5)
        default:
            logger.error("a request failed", metadata: ["request": "\(id)", "route": "\(route.method) \(route.path)", "error": "\(error)"])
            return Problem(.internalServerError, "internal-error", "Something went wrong here; the log knows it by \"instance\".")
        }
    }
}

extension Problem {
    static let malformedTarget = Problem(.badRequest, "malformed-target", "The path or the query is not properly encoded.")
}
