import Gateway

/// How fast callers may ask, and where that is counted.
public struct RateLimitSettings: Sendable {
    /// Where the buckets are.
    public enum Store: Sendable, Equatable {
        /// Nowhere: nobody is limited.
        case none
        /// In this process.
        case memory
        /// In Redis, which all gateways share: `redis://user:password@host:port/database`.
        case redis(url: Secret)
    }

    /// Nowhere, where nobody says otherwise.
    public var store = Store.none
    /// How much each kind of request allows.
    public var limits = RequestLimits.Configuration()
    public init() {}
}
