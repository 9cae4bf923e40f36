/// Why a request got no usable answer. The cache and the rate limits keep these to themselves; only configuration and examination show them.
public enum RedisError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The URL cannot be used; the text says why.
    case configuration(String)
    /// There is no connection, or the breaker is open: nothing was sent.
    case away
    /// More requests wait than the bound allows.
    case overloaded
    /// No answer came in time.
    case timedOut
    /// The connection could not be opened, or was lost.
    case connection(String)
    /// Redis answered with an error, such as `NOAUTH Authentication required.`
    case refused(String)
    /// The answer is not what was asked for.
    case malformed(String)
    /// The client was closed.
    case closed

    public var description: String {
        switch self {
        case .configuration(let text): text
        case .away: "Redis is away"
        case .overloaded: "too many requests wait for Redis"
        case .timedOut: "Redis did not answer in time"
        case .connection(let text): "the connection to Redis failed: \(text)"
        case .refused(let text): "Redis refused: \(text)"
        case .malformed(let text): "Redis answered what makes no sense: \(text)"
        case .closed: "the Redis client is closed"
        }
    }
}
