/// How to reach a Kafka cluster, and how to use it. The defaults are those of the product.
public struct KafkaConfiguration: Sendable {
    /// How batches are compressed on their way to the brokers and in their logs.
    public enum Compression: String, Sendable, CaseIterable { case none, lz4, zstd }

    /// Brokers to begin with, `host:port` separated by commas; the others are learnt from them.
    public var bootstrapServers: String
    /// This process's name in the brokers' logs.
    public var clientID = "waybill"
    /// lz4 costs next to nothing; zstd makes logs a third smaller for a few microseconds more per event.
    public var compression = Compression.lz4
    /// How many brokers keep each topic that is made here, but never more than there are; nil for the cluster's own default.
    public var replicationFactor: Int?
    /// The largest message, key and headers included, that is accepted and that topics made here accept.
    public var maximumMessageBytes = 4 << 20
    /// Settings of topics that are made here, under Kafka's own names: `retention.ms`, `min.insync.replicas` (how many brokers must have a message before it counts as
    /// published: 2 unless said otherwise, where a replication factor is set and there are as many brokers).
    public var topicProperties: [String: String] = [:]
    /// Whether missing topics are made with the administration protocol. Where they are not, or where that fails, the brokers are asked to make them by themselves
    /// (`auto.create.topics.enable`), with partitions of their own choice.
    public var createsTopics = true
    /// How long a message may wait for others to share a batch with. A call of `publish` brings its messages at once, so this need not be long.
    public var linger: Duration = .milliseconds(1)
    /// How long a call of `publish` waits for the brokers' confirmation before its outcome is unknown.
    public var publishTimeout: Duration = .seconds(30)
    /// How long a question about topics, groups or offsets may take.
    public var requestTimeout: Duration = .seconds(10)
    /// How long a member may be silent before the group gives its partitions to others.
    public var sessionTimeout: Duration = .seconds(10)
    /// Acknowledged positions are committed at most this often: what was acknowledged and not committed comes again after a crash, and the inbox knows it.
    public var commitInterval: Duration = .milliseconds(100)
    /// The most messages that a subscription holds ready beyond what the library has fetched.
    public var maximumHeldMessages = 4096
    /// The most bytes that a subscription holds ready, and that the library fetches ahead; the last batch of a fetch may go beyond.
    public var maximumHeldBytes = 32 << 20
    /// How often the library's figures become metrics.
    public var statisticsInterval: Duration = .seconds(15)
    /// Settings of librdkafka that are passed on as they are: `security.protocol`, `sasl.mechanism`, `sasl.username`, `sasl.password`, `ssl.ca.location` and so
    /// on. They may not touch what the port's promises rest on. Their values are never logged.
    public var properties: [String: String] = [:]

    /// The defaults for a cluster.
    public init(bootstrapServers: String) { self.bootstrapServers = bootstrapServers }
}

extension KafkaConfiguration {
    typealias Setting = (name: String, value: String)

    /// What the port's promises rest on: order, durability, acknowledgement after the effect. Whoever could change these would lose events and not know it.
    static let fixed: Set<String> = [
        "enable.idempotence", "enable.gapless.guarantee", "acks", "request.required.acks", "message.timeout.ms", "delivery.timeout.ms", "partitioner",
        "enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store", "auto.offset.reset", "partition.assignment.strategy", "group.id",
        "isolation.level", "transactional.id", "bootstrap.servers", "metadata.broker.list", "test.mock.num.brokers",
    ]

    private var common: [Setting] {
        [
            ("bootstrap.servers", bootstrapServers), ("socket.keepalive.enable", "true"), ("socket.nagle.disable", "true"),
            ("reconnect.backoff.max.ms", "2000"), ("message.max.bytes", "\(maximumMessageBytes)"),
            // A member that did not know a topic that was made a moment ago looks again after this time.
            ("topic.metadata.refresh.interval.ms", "10000"),
        ]
    }

    /// An idempotent producer keeps order through retries. Its messages never time out by themselves, for that would leave gaps: `publish` gives up a whole
    /// producer instead. A message that the brokers refuse for good stops it as well, before those behind it are sent.
    var producer: [Setting] {
        common + [
            ("client.id", clientID), ("enable.idempotence", "true"), ("enable.gapless.guarantee", "true"), ("message.timeout.ms", "0"),
            ("partitioner", "murmur2_random"), ("compression.codec", compression.rawValue), ("linger.ms", "\(linger.milliseconds)"),
            ("queue.buffering.max.kbytes", "262144"), ("statistics.interval.ms", "\(Int(statisticsInterval.milliseconds))"),
        ]
    }

    /// Of positions the library commits those that it was handed (``KafkaConsumer``), and never of its own accord one of a message that it has given out.
    ///
    /// It fetches ahead for the time that it may sleep when its queue was full, a second: as many messages as that may take. A fetch is bounded as it is sent, and may be ten times as large
    /// when it is unpacked: so each takes little of a partition. A batch that is larger comes all the same.
    func consumer(group: String, member: String) -> [Setting] {
        let session = Int(sessionTimeout.milliseconds)
        return common + [
            ("client.id", "\(clientID)-\(member)"), ("group.id", group), ("enable.auto.commit", "true"), ("enable.auto.offset.store", "false"),
            ("auto.commit.interval.ms", "\(commitInterval.timeout)"),
            ("auto.offset.reset", "earliest"), ("partition.assignment.strategy", "cooperative-sticky"), ("session.timeout.ms", "\(session)"),
            ("heartbeat.interval.ms", "\(max(1, session / 4))"), ("max.poll.interval.ms", "\(max(300_000, session))"), ("check.crcs", "true"),
            ("queued.min.messages", "50000"), ("queued.max.messages.kbytes", "\(max(1, maximumHeldBytes >> 10))"),
            ("fetch.max.bytes", "\(max(4 << 20, maximumMessageBytes))"), ("max.partition.fetch.bytes", "\(256 << 10)"), ("fetch.error.backoff.ms", "100"),
            ("statistics.interval.ms", "\(Int(statisticsInterval.milliseconds))"),
        ]
    }

    /// For questions about topics, groups and offsets. It makes topics where the brokers make them for whoever asks.
    var administration: [Setting] { common + [("client.id", "\(clientID)-administration")] }
}

extension Duration {
    /// The duration in milliseconds, with fractions.
    var milliseconds: Double { Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15 }
    /// The duration in whole milliseconds, as the library wants its timeouts; at least 1.
    var timeout: Int32 { Int32(max(1, min(milliseconds, Double(Int32.max)))) }
}
