/// A request to somebody outside.
public struct OutgoingRequest: Sendable {
    public var method: String
    /// Begins with http:// or https://; see ``OutgoingTarget``.
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// How long all of it may take: waiting for a thread, resolving, connecting, sending and the answer.
    public var timeout: Duration
    /// How much of the answer's body is of interest; the rest is not read.
    public var maximumAnswerBytes: Int

    public init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [], timeout: Duration = .seconds(15),
        maximumAnswerBytes: Int = 64 << 10
    ) {
        (self.method, self.url, self.headers, self.body) = (method, url, headers, body)
        (self.timeout, self.maximumAnswerBytes) = (timeout, maximumAnswerBytes)
    }
}

/// What came back, whatever its status: redirects are answers as well, and not followed.
public struct OutgoingAnswer: Sendable {
    public let status: Int
    public let headers: [(name: String, value: String)]
    /// At most as much as was asked for.
    public let body: [UInt8]
    /// Whether there was more.
    public let isTruncated: Bool

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], isTruncated: Bool = false) {
        (self.status, self.headers, self.body, self.isTruncated) = (status, headers, body, isTruncated)
    }

    /// The value of a header, whatever the case of its name; the last one where it is given several times.
    public func header(_ name: String) -> String? { headers.last { $0.name.lowercased() == name.lowercased() }?.value }
}

/// Why there is no answer. Whether the other side has got the request is not known, unless nothing was sent.
public enum OutgoingFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The request makes no sense, or its URL is refused; nothing was sent.
    case refused(String)
    /// The name leads to an address that requests must not go to; nothing was sent.
    case refusedAddress(String)
    /// The name does not resolve; nothing was sent.
    case unresolved
    /// No connection could be made; nothing was sent.
    case unreachable
    /// The other side does not prove who it is, or speaks no TLS that we do; nothing was sent.
    case tls(String)
    case timedOut
    /// The connection was lost, or what came is no HTTP.
    case broken(String)
    /// More requests wait than may; nothing was sent.
    case overloaded
    /// The caller's task was cancelled, or the client is closed.
    case cancelled

    public var description: String {
        switch self {
        case .refused(let words): "the request is refused: \(words)"
        case .refusedAddress(let words): "the host leads to an address that is refused: \(words)"
        case .unresolved: "the host's name does not resolve"
        case .unreachable: "no connection could be made"
        case .tls(let words): "no secure connection: \(words)"
        case .timedOut: "no answer in time"
        case .broken(let words): "the connection failed: \(words)"
        case .overloaded: "too many requests wait"
        case .cancelled: "given up because the process stops"
        }
    }
}

/// Sends requests to the outside, to addresses that its ``AddressPolicy`` lets through when the connection is made. Answers are bounded, redirects are not followed, and
/// neither proxies nor cookies nor stored passwords are used.
public protocol OutgoingClient: Sendable {
    /// - Throws: ``OutgoingFailure``. Nothing is tried again.
    func send(_ request: OutgoingRequest) async throws(OutgoingFailure) -> OutgoingAnswer
    /// Gives up what is under way and ends the threads.
    func close() async
}
