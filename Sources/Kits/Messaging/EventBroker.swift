import Storage
import Wire

/// A log of events outside of this process: Kafka, RabbitMQ, or ``MemoryBroker`` in tests.
///
/// The contract, which `BrokerConformance` tests: a published message is delivered to every group that listens to its topic at least once; messages of one key come in
/// the order of their first publication; what was not acknowledged comes again, to this member or another one. A broker may deliver twice, and messages of
/// different keys in any order. Nothing is dropped because a consumer is slow or away.
public protocol EventBroker: AnyObject, Sendable {
    /// The kind of broker, for metrics and messages: `kafka`, `rabbitmq`, `memory`.
    var name: String { get }

    /// Connects, and makes the topics, queues and bindings of a topology where they are missing. Safe to repeat, also by several processes at once.
    /// - Throws: ``BrokerError``.
    func open(_ topology: BrokerTopology) async throws

    /// Publishes messages and returns when the broker has all of them durably (`acks=all`, publisher confirms).
    ///
    /// Messages of one key are published in the order given. If it throws, any of them may or may not be there: the caller publishes all of them again, in the same
    /// order. Several callers may publish at once, each messages of keys of its own; what becomes of one call may make another one fail as
    /// ``BrokerError/unavailable(_:)``.
    /// - Throws: ``BrokerError/rejected(index:reason:)`` when one of them can never be accepted, ``BrokerError/misconfigured(_:)`` when that is not the message's fault, as where
    ///   there is no such topic, ``BrokerError/unavailable(_:)`` otherwise.
    func publish(_ messages: [BrokerMessage]) async throws

    /// Joins a group of consumers, which share the partitions of the topics among them.
    /// - Parameter member: this consumer's name, unique in the group.
    func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription

    /// How many messages a group has not acknowledged, where the broker can tell.
    func lag(of group: String) async throws -> Int?

    /// Looks at the connection, the broker's version and a topology, for `waybill doctor`: what of it is missing, what waits there. Makes nothing, and never throws: what is
    /// wrong is a finding.
    func examine(_ topology: BrokerTopology) async -> [EngineFinding]

    /// Ends all connections; subscriptions end, what is being published is unknown.
    func close() async
}

/// One member's share of a group's messages.
public protocol BrokerSubscription: AnyObject, Sendable {
    /// The next messages, in order per partition; waits until there is one. Bounded: what is not taken stays with the broker.
    /// - Returns: nil when the subscription was closed.
    /// - Throws: ``BrokerError`` when the connection failed; call again to wait for it to come back.
    func next(limit: Int) async throws -> [BrokerDelivery]?

    /// Notes that the effects of these deliveries, all that ``next(limit:)`` returned at once, are durable. Never throws: what the broker does not learn comes again, and the
    /// inbox knows it.
    func acknowledge(_ deliveries: [BrokerDelivery]) async

    /// Gives back whatever was delivered and not acknowledged, and joins the group anew: this member was slow and another one has taken over.
    func rejoin() async

    /// Leaves the group; what was delivered and not acknowledged goes to another member.
    func close() async
}

/// What a broker carries, declared before anything is published.
public struct BrokerTopology: Sendable {
    /// A group of consumers and what it listens to.
    public struct Group: Sendable {
        /// The name.
        public let name: String
        public let topics: [String]
        public init(name: String, topics: [String]) { (self.name, self.topics) = (name, topics) }
    }

    /// All topics, dead-letter topics included.
    public var topics: [String]
    public var groups: [Group]
    /// Into how many ordered pieces a topic is divided: the most members of a group that can work at once.
    public var partitions: Int

    public init(topics: [String], groups: [Group], partitions: Int) { (self.topics, self.groups, self.partitions) = (topics, groups, partitions) }

    /// The topic of a topic's dead letters.
    public static func deadLetters(of topic: String) -> String { topic + ".DLQ" }
}

/// One event on its way to a broker.
public struct BrokerMessage: Sendable, Equatable {
    /// What brokers and other programs read without opening the event.
    public struct Header: Sendable, Equatable {
        /// The name.
        public let name: String
        /// The value, as text.
        public let value: String
        public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    public let topic: String
    /// What messages are kept in order by: the order's id, or the product's for stock events.
    public let key: Identifier
    /// CloudEvents 1.0 attributes in binary mode, without the prefix that a protocol binding gives them (`ce_` on Kafka, `cloudEvents:` on AMQP); and
    /// `traceparent` and `content-type`, which have none.
    public let headers: [Header]
    /// The event's JSON.
    public let body: [UInt8]

    public init(topic: String, key: Identifier, headers: [Header], body: [UInt8]) {
        (self.topic, self.key, self.headers, self.body) = (topic, key, headers, body)
    }

    /// The value of a header; nil where there is none.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// A message as it arrives.
public struct BrokerDelivery: Sendable {
    public let message: BrokerMessage
    /// The ordered piece of the topic that it came from, `orders/3`; one member of the group reads it at a time.
    public let partition: String
    /// Which time this partition came to this member, a number that is never used again for the partition in this process. Whoever gets a partition anew
    /// claims it in its database, so that the one that had it before can change nothing any more.
    public let session: Int64
    /// The place in the partition, or the delivery's tag: what an acknowledgement names.
    public let position: Int64
    /// Whether it may have been delivered before, as far as the broker knows.
    public let mayBeRepeated: Bool

    public init(message: BrokerMessage, partition: String, session: Int64, position: Int64, mayBeRepeated: Bool) {
        (self.message, self.partition, self.session, self.position, self.mayBeRepeated) = (message, partition, session, position, mayBeRepeated)
    }
}

/// Failures of a broker.
public enum BrokerError: Error, Equatable, CustomStringConvertible {
    /// It cannot be reached, or did not answer in time. Tried again.
    case unavailable(String)
    /// A message that it will never accept: too large, or it leads to no queue.
    case rejected(index: Int, reason: String)
    /// The configuration is wrong, or the broker cannot do what is asked of it: trying again does not help.
    case misconfigured(String)

    public var description: String {
        switch self {
        case .unavailable(let text): "the broker is not available: \(text)"
        case .rejected(let index, let reason): "the broker refuses message \(index): \(reason)"
        case .misconfigured(let text): text
        }
    }
}
