import Metrics
import Synchronization
import Wire

/// Makes gauges of the figures that the library gives out from time to time.
final class KafkaStatistics: Sendable {
    /// One figure, under the name of its gauge.
    struct Figure: Equatable {
        let label: String
        let value: Double
        var dimensions: [String] = []
    }

    private static let lag = "waybill_kafka_consumer_lag"
    /// The states of a partition that is not fetched: another member has it, or nobody.
    private static let idleStates: Set<String> = ["none", "stopping", "stopped"]

    private let client: String
    private let gauges = Mutex<[String: Gauge]>([:])
    /// The dimensions of the partitions whose lag the last report told.
    private let followed = Mutex<[[String]]>([])

    /// - Parameter client: `producer`, or the group's name.
    init(client: String) { self.client = client }

    /// Records one report.
    func record(_ json: UnsafeBufferPointer<UInt8>) {
        guard let figures = KafkaStatistics.figures(json) else { return }
        for figure in completed(figures) { gauge(figure).record(figure.value) }
    }

    /// A report's figures, and a lag of zero for each partition that was this member's at the last report and is not any more: it is another one's to report.
    func completed(_ figures: [Figure]) -> [Figure] {
        let present = figures.filter { $0.label == KafkaStatistics.lag }.map(\.dimensions)
        let gone = followed.withLock { followed in
            defer { followed = present }
            return Set(followed).subtracting(present)
        }
        return figures + gone.map { Figure(label: KafkaStatistics.lag, value: 0, dimensions: $0) }
    }

    /// The figures of a report that are of use: how long the queue to the brokers is, how far away they are, how far behind the group is. What cannot be read is left
    /// out: figures are no reason to fail.
    /// - Returns: nil where nothing can be read.
    static func figures(_ json: UnsafeBufferPointer<UInt8>) -> [Figure]? {
        guard let report = try? JSONParser.parse(json) else { return nil }
        var figures: [Figure] = []
        func add(_ label: String, _ value: Double?, _ dimensions: String...) {
            if let value, value >= 0 { figures.append(Figure(label: label, value: value, dimensions: dimensions)) }
        }
        add("waybill_kafka_queue_messages", report["msg_cnt"]?.double)
        add("waybill_kafka_queue_bytes", report["msg_size"]?.double)
        for broker in report["brokers"]?.object?.members ?? [] {
            // Below zero: an address to begin with, or the way to a group's coordinator, not a broker.
            guard let id = broker.value["nodeid"]?.integer, id >= 0 else { continue }
            add("waybill_kafka_broker_rtt_seconds", broker.value["rtt"]?["avg"]?.double.map { $0 / 1e6 }, "broker", "\(id)")
            add("waybill_kafka_broker_up", broker.value["state"]?.string.map { $0 == "UP" ? 1 : 0 }, "broker", "\(id)")
        }
        for topic in report["topics"]?.object?.members ?? [] {
            for partition in topic.value["partitions"]?.object?.members ?? [] {
                // Of a partition that went to another member the library goes on telling what it last knew.
                if let state = partition.value["fetch_state"]?.string, idleStates.contains(state) { continue }
                // Below zero where it is not known yet.
                add(lag, partition.value["consumer_lag"]?.double, "topic", topic.key, "partition", partition.key)
            }
        }
        return figures
    }

    private func gauge(_ figure: Figure) -> Gauge {
        gauges.withLock { gauges in
            let key = figure.dimensions.reduce(figure.label) { "\($0) \($1)" }
            if let gauge = gauges[key] { return gauge }
            let pairs = stride(from: 0, to: figure.dimensions.count, by: 2).map { (figure.dimensions[$0], figure.dimensions[$0 + 1]) }
            let gauge = Gauge(label: figure.label, dimensions: [("client", client)] + pairs)
            gauges[key] = gauge
            return gauge
        }
    }
}
