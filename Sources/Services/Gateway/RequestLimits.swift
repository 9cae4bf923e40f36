import HTTPTypes
import Metrics
import Resilience
import Web

/// How fast callers may ask: a token bucket per caller and ``RequestClass``, and what the answers tell of it.
///
/// A caller is who his token or key says he is. One who did not say so, or whose credentials do not hold, is his address; so is everybody who asks for a token. Programs
/// of the house and administrators are not limited, nor is anybody where authentication is off. Credentials that hold are never refused for what others at the same
/// address have tried. See `docs/limits.md`.
public struct RequestLimits: Sendable {
    /// How much each class allows.
    public struct Configuration: Sendable, Equatable {
        /// Twice as much may come at once.
        public var readsPerSecond: Int64 = 100
        /// Twice as much may come at once.
        public var writesPerSecond: Int64 = 50
        /// All of it may come at once.
        public var heavyPerMinute: Int64 = 30
        /// Per address; all of it may come at once.
        public var tokensPerMinute: Int64 = 30
        /// Answers 401 per address; all of them may come at once.
        public var refusalsPerMinute: Int64 = 60
        public init() {}

        func limit(of kind: RequestClass) -> RateLimit {
            switch kind {
            case .read: RateLimit(tokens: readsPerSecond, perMilliseconds: 1_000, burst: readsPerSecond * 2)
            case .write: RateLimit(tokens: writesPerSecond, perMilliseconds: 1_000, burst: writesPerSecond * 2)
            case .heavy: RateLimit(tokens: heavyPerMinute, perMilliseconds: 60_000)
            case .token: RateLimit(tokens: tokensPerMinute, perMilliseconds: 60_000)
            case .refused: RateLimit(tokens: refusalsPerMinute, perMilliseconds: 60_000)
            }
        }
    }

    /// What is known of a class before anybody asks.
    private struct Policy: Sendable {
        let name: String
        let limit: RateLimit
        /// The field `RateLimit-Policy`.
        let field: String
        let refused: Counter

        init(_ kind: RequestClass, _ limit: RateLimit) {
            (name, self.limit) = (kind.rawValue, limit)
            // A bucket is filled anew within this window, however it was emptied.
            let window = RequestLimits.seconds(RequestLimits.divide(limit.burst * limit.perMilliseconds, limit.tokens))
            field = "\"\(kind.rawValue)\";q=\(limit.burst);w=\(window)"
            refused = Counter(label: "waybill_rate_limited", dimensions: [("class", kind.rawValue)])
        }
    }

    private let policies: [RequestClass: Policy]
    private let store: any RateLimitStore
    private let milliseconds: @Sendable () -> Int64

    /// - Parameters:
    ///   - store: keeps the buckets.
    ///   - milliseconds: a clock that never goes back, for stores without one of their own.
    public init(_ configuration: Configuration, store: any RateLimitStore, milliseconds: @escaping @Sendable () -> Int64 = AdmissionGate.uptime) {
        policies = Dictionary(uniqueKeysWithValues: RequestClass.allCases.map { ($0, Policy($0, configuration.limit(of: $0))) })
        (self.store, self.milliseconds) = (store, milliseconds)
    }

    /// Lets a request in, or refuses it; nothing of it was done.
    /// - Parameters:
    ///   - principal: nil for one who did not say who he is.
    ///   - address: where he is, the proxies in between left out; nil where that is not known.
    /// - Returns: what the answer is to tell of the limit; empty for who has none.
    /// - Throws: ``Problem``, 429.
    public func admit(_ kind: RequestClass, _ principal: Principal?, address: IPAddress?) async throws(Problem) -> HTTPFields {
        guard let policy = policies[kind], let key = RequestLimits.key(kind, principal, address) else { return [:] }
        let decision = await store.take(1, from: key, limit: policy.limit, at: milliseconds())
        let fields = RequestLimits.fields(policy, decision)
        guard decision.isAllowed else { throw RequestLimits.refusal(policy, decision, fields) }
        return fields
    }

    /// Notes an answer 401.
    /// - Returns: what is to be answered in its place where an address has had too many of them; nil where it has not.
    public func refusal(address: IPAddress?) async -> Problem? {
        guard let policy = policies[.refused] else { return nil }
        let decision = await store.take(1, from: RequestLimits.key(.refused, address), limit: policy.limit, at: milliseconds())
        return decision.isAllowed ? nil : RequestLimits.refusal(policy, decision, RequestLimits.fields(policy, decision))
    }

    /// Whose bucket it is; nil for nobody's.
    private static func key(_ kind: RequestClass, _ principal: Principal?, _ address: IPAddress?) -> String? {
        if principal?.kind == .open { return nil }
        guard kind != .token, let principal else { return key(kind, address) }
        guard principal.roles.isDisjoint(with: [.service, .admin]) else { return nil }
        return "\(kind.rawValue):\(principal.kind == .key ? "key" : "subject"):\(principal.subject)"
    }

    /// Of IPv6 the network is one caller: he has all of its addresses.
    private static func key(_ kind: RequestClass, _ address: IPAddress?) -> String {
        "\(kind.rawValue):address:\(address.map { "\($0.network)" } ?? "unknown")"
    }

    /// What answers tell: draft-ietf-httpapi-ratelimit-headers-10, 3 and 4.
    private static func fields(_ policy: Policy, _ decision: RateLimitDecision) -> HTTPFields {
        var fields = HTTPFields()
        fields[.rateLimitPolicy] = policy.field
        fields[.rateLimit] = "\"\(policy.name)\";r=\(max(0, decision.remaining));t=\(seconds(decision.resetAfterMilliseconds))"
        return fields
    }

    private static func refusal(_ policy: Policy, _ decision: RateLimitDecision, _ fields: HTTPFields) -> Problem {
        policy.refused.increment()
        let pause = max(1, seconds(decision.retryAfterMilliseconds ?? decision.resetAfterMilliseconds))
        var headers = fields
        headers[.retryAfter] = String(pause)
        let name = policy.name
        return Problem(
            .tooManyRequests, "rate-limited",
            "These requests come faster than the limit \"\(name)\" allows; nothing was done. Try again in \(pause) s.", headers: headers
        ) { json in
            json.key("violated-policies")
            json.array([name]) { json, name in json.string(name) }
        }
    }

    /// Whole seconds, rounded up: a moment too early is refused again.
    private static func seconds(_ milliseconds: Int64) -> Int64 { divide(max(0, milliseconds), 1_000) }
    private static func divide(_ a: Int64, _ b: Int64) -> Int64 { a / b + (a % b == 0 ? 0 : 1) }
}

extension HTTPField.Name {
    /// How much there is of a quota (draft-ietf-httpapi-ratelimit-headers-10, 3).
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy") ?? .retryAfter
    /// What is left of it (draft-ietf-httpapi-ratelimit-headers-10, 4).
    static let rateLimit = HTTPField.Name("RateLimit") ?? .retryAfter
}
