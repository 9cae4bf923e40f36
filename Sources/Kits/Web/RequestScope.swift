import HTTPTypes
import Wire

/// What the handling of a request passes on to whoever it asks in turn, without handing it through every function: who asked, and for how long the answer is of use.
public struct RequestScope: Sendable {
    /// That of the request which this task handles; nil outside of one.
    @TaskLocal public static var current: RequestScope?

    /// The request's identity.
    public let id: Identifier
    /// When nobody waits for the answer any more; nil where that is not known.
    public let deadline: ContinuousClock.Instant?
    /// The place in a distributed trace (W3C Trace Context), as it came.
    public let traceparent: String?
    /// Who sends it.
    public let principal: Principal

    public init(id: Identifier, deadline: ContinuousClock.Instant? = nil, traceparent: String? = nil, principal: Principal = .open) {
        (self.id, self.deadline, self.traceparent, self.principal) = (id, deadline, traceparent, principal)
    }
}

/// The header `Waybill-Deadline`: for how many more milliseconds somebody waits for the answer. Each process passes on what is left, so that none works for a caller
/// who has gone. It is a duration and no time of day, because the clocks of two machines differ.
public enum RequestDeadline {
    /// Longer than this nobody waits.
    private static let longest: Int64 = 86_400_000
    /// A client's own time is never cut below this, in milliseconds: a request that is given up while it is under way costs a connection, and shows nobody anything.
    static let leastOfClients: Int64 = 100

    /// The moment at which a request's time is over; nil where it has no such header.
    /// - Parameters:
    ///   - arrival: when the request came.
    ///   - isInternal: whether it comes from a process of the platform, whose word is taken as it is.
    /// - Throws: ``Problem`` 400 for what is no number.
    public static func read(
        _ headers: HTTPFields, arrival: ContinuousClock.Instant, isInternal: Bool
    ) throws(Problem) -> ContinuousClock.Instant? {
        guard let text = headers[.deadline] else { return nil }
        guard let milliseconds = Int64(text) else {
            throw Problem(.badRequest, "bad-deadline", "The header Waybill-Deadline must be a whole number of milliseconds.")
        }
        let asked = min(max(milliseconds, 0), longest)
        // What is over already is begun for nobody.
        return arrival + .milliseconds(isInternal || asked == 0 ? asked : max(asked, leastOfClients))
    }

    /// The header's value for a moment: what is left until then, at least one millisecond.
    public static func text(remaining: Duration) -> String { String(max(1, Int64(remaining / .milliseconds(1)))) }

    /// The answer to a request whose time is over before anything was done.
    public static var passed: Problem {
        Problem(.gatewayTimeout, "deadline-passed", "The time that the header Waybill-Deadline gave was over before anything was done.")
    }
}

extension WebRequest {
    /// Nothing is begun for a caller who has gone, nor written.
    /// - Throws: ``RequestDeadline/passed`` once the request's time is over.
    public func checkDeadline() throws(Problem) {
        if let deadline, deadline <= .now { throw RequestDeadline.passed }
    }
}

extension HTTPField.Name {
    /// The identity that the gateway gives a request.
    public static let requestID = HTTPField.Name("X-Request-Id") ?? .via
    /// For how many more milliseconds the caller waits; see ``RequestDeadline``.
    public static let deadline = HTTPField.Name("Waybill-Deadline") ?? .via
    /// Shows that a request comes from another process of the same platform; see ``InternalTrust``.
    public static let internalSecret = HTTPField.Name("Waybill-Internal") ?? .via
    /// The place in a distributed trace (W3C Trace Context).
    public static let traceParent = HTTPField.Name("traceparent") ?? .via
    /// What tracing systems add to it (W3C Trace Context).
    public static let traceState = HTTPField.Name("tracestate") ?? .via
    /// The addresses that a request has come through, the nearest last.
    public static let forwardedFor = HTTPField.Name("X-Forwarded-For") ?? .via
}
