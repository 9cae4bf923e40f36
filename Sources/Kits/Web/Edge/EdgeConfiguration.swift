/// How the entry meets the outside.
public struct EdgeConfiguration: Sendable {
    /// How many connections one address may have at once (of version 6: one network of 64 bits); those beyond are answered 503 and closed. Proxies that are trusted
    /// have no such bound.
    public var maximumConnectionsPerAddress = 2048
    /// Proxies whose `X-Forwarded-For` is believed.
    public var trustedProxies = AddressRanges()
    public var limits = EntryLimits()
    public var crossOrigin = CrossOrigin.none
    public var accessLog = AccessLogMode.off
    /// Whether answers are compressed for clients who accept it.
    public var compresses = true
    /// The certificate and key with which connections are encrypted; nil for none.
    public var tls: TLSFiles?

    public init() {}
}

/// Which requests are recorded.
public enum AccessLogMode: String, CaseIterable, Sendable {
    case off, on
    /// Only those that were answered with 400 and above.
    case errors
}

/// Where the certificate chain and its private key lie, as PEM files.
public struct TLSFiles: Sendable, Equatable {
    public let certificate: String
    public let key: String

    public init(certificate: String, key: String) { (self.certificate, self.key) = (certificate, key) }
}

/// How long a client may take. Who is slower loses the connection, so that a thousand who are slow on purpose leave room for the others (RELIABILITY, trap 21).
public struct EntryLimits: Sendable {
    /// From the first byte of a request, or from the beginning of the connection, to the end of the head.
    public var head: Duration = .seconds(10)
    /// For the whole body.
    public var body: Duration = .seconds(60)
    /// For how long the body may come more slowly than ``bytesPerSecond``.
    public var bodyGrace: Duration = .seconds(10)
    /// The least speed of a body, and of an answer that the network does not take at once.
    public var bytesPerSecond = 1024
    /// For how long an answer may be taken more slowly than ``bytesPerSecond``.
    public var stall: Duration = .seconds(20)
    /// Between requests.
    public var idle: Duration = .seconds(75)

    public init() {}
}
