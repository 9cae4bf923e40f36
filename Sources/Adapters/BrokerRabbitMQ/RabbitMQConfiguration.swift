import Messaging

/// Where a RabbitMQ broker is, and how its queues are used.
///
/// All processes of one platform must agree on ``prefix`` and ``prefetch``: see there.
public struct RabbitMQConfiguration: Sendable {
    /// A node of the cluster.
    public struct Endpoint: Sendable, Equatable, CustomStringConvertible {
        public let host: String
        public let port: Int
        public init(host: String, port: Int) { (self.host, self.port) = (host, port) }
        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// How connections are encrypted: TLS 1.2 or later.
    public struct TLS: Sendable, Equatable {
        /// The file with the authorities' certificates (PEM); nil for the system's.
        public var authorities: String?
        /// The files with our own certificate and its key (PEM), where the broker asks for them.
        public var certificate: String?
        public var key: String?
        /// Whether the broker's certificate and host name are checked. Without that, anybody in between can read everything.
        public var verifiesBroker = true
        public init() {}
    }

    /// Who we say we are. Never printed with its password.
    public enum Login: Sendable, Equatable {
        case plain(user: String, password: String)
        /// By the certificate of the TLS connection (the broker's plugin `auth_mechanism_ssl`).
        case external
    }

    /// The nodes, tried in turn.
    public var endpoints: [Endpoint]
    public var virtualHost: String
    public var login: Login
    public var tls: TLS?
    /// What the names of all exchanges and queues begin with, so that several platforms can share a virtual host.
    public var prefix = "waybill"
    /// The most messages of one partition that a member holds unacknowledged, 1 to 65,535.
    ///
    /// All members of a group must have the same number, and it should not be lowered while messages wait: of messages that come back to a queue twice, first from
    /// a member with a large and then from one with a small number, RabbitMQ 3 changes the order.
    public var prefetch = 32
    /// How many events of one partition may share a message, 1 to 1024; with 1 each is a message of its own, with CloudEvents attributes in its headers. Several are a JSON array of
    /// CloudEvents (`application/cloudevents-batch+json`). Programs older than this setting cannot read that.
    public var eventsPerMessage = 32
    /// The most bytes that the bodies of events in one message have together.
    public var bundleBytes = 32 << 10
    /// How often a message may come back to its queue before it goes to the topic's dead-letter queue. What fails to be applied is parked by the consumer; this
    /// is for what can not even be handed to it, so it is far above what restarts and reconnections of healthy consumers come to.
    public var deliveryLimit = 100_000
    /// How long the peer may be silent, about half of which passes between two signs of life.
    public var heartbeat: Duration = .seconds(10)
    /// How long a connection may take until it can be used.
    public var connectTimeout: Duration = .seconds(5)
    /// How long the broker may take to answer a question.
    public var requestTimeout: Duration = .seconds(15)
    /// How long ``EventBroker/publish(_:)`` waits for the next confirmation before it gives up.
    public var publishTimeout: Duration = .seconds(15)
    /// The longest body in bytes that is published. RabbitMQ's own bound (128 MiB by default) is more than what is good for it.
    public var maximumMessageBytes = 4 << 20
    /// The most messages, and bytes of their bodies, that are published and not confirmed at any moment.
    public var maximumUnconfirmed = 2000
    public var maximumUnconfirmedBytes = 16 << 20
    /// How often the members of a group tell each other that they are there; one that is not heard of for five times as long gets no share of the partitions.
    public var presenceInterval: Duration = .seconds(2)
    /// What the broker's list of connections shows.
    public var connectionName = "waybill"

    /// A broker at these nodes.
    public init(endpoints: [Endpoint], virtualHost: String = "/", login: Login, tls: TLS? = nil) {
        (self.endpoints, self.virtualHost, self.login, self.tls) = (endpoints, virtualHost, login, tls)
    }

    /// - Throws: ``BrokerError/misconfigured(_:)`` for values that nothing can work with.
    func validate() throws {
        func require(_ condition: Bool, _ words: String) throws { if !condition { throw BrokerError.misconfigured("RabbitMQ: \(words)") } }
        try require(!endpoints.isEmpty, "a host is needed")
        try require(endpoints.allSatisfy { !$0.host.isEmpty && (1...65_535).contains($0.port) }, "a port is a number from 1 to 65535")
        try require((1...65_535).contains(prefetch), "prefetch is 1 to 65535")
        try require((1...BundlePosition.parts).contains(eventsPerMessage) && bundleBytes > 0, "a message carries 1 to \(BundlePosition.parts) events")
        try require(deliveryLimit > 0, "the delivery limit is at least 1")
        try require((1...65_535).contains(heartbeat.milliseconds / 1000), "the heartbeat is 1 to 65535 seconds")
        try require(maximumUnconfirmed > 0 && maximumUnconfirmedBytes > 0 && maximumMessageBytes > 0, "bounds are at least 1")
        try require(presenceInterval >= .milliseconds(10), "the presence interval is at least 10 ms")
        try require(login != .external || tls != nil, "a login by certificate needs amqps")
        try require((tls?.certificate == nil) == (tls?.key == nil), "a certificate and its key belong together")
    }
}

extension RabbitMQConfiguration.Login: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .plain(let user, _): "\(user):***"
        case .external: "external"
        }
    }
    public var debugDescription: String { description }
    /// Nothing that a dump could show.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension RabbitMQConfiguration: CustomStringConvertible {
    /// The address without the password.
    public var description: String {
        let nodes = endpoints.map(\.description).joined(separator: ",")
        return "\(tls == nil ? "amqp" : "amqps")://\(login)@\(nodes)/\(virtualHost == "/" ? "" : virtualHost)"
    }
}
