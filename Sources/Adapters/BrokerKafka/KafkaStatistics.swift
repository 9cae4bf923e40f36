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

    private let client: String
    private let gauges = Mutex<[String: Gauge]>([:])

    /// - Parameter client: `producer`, or the group's name.
    init(client: String) { self.client = client }

    /// Records one report.
    func record(_ json: UnsafeBufferPointer<UInt8>) {
        for figure in KafkaStatistics.figures(json) { gauge(figure).record(figure.value) }
    }

    /// The figures of a report that are of use: how long the queue to the brokers is, how far away they are, how far behind the group is. What cannot be read is left
    /// out: figures are no reason to fail.
    static func figures(_ json: UnsafeBufferPointer<UInt8>) -> [Figure] {
        guard let report = try? JSONParser.parse(json) else { return [] }
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
                // Below zero where it is not known yet, or not this member's partition.
                add("waybill_kafka_consumer_lag", partition.value["consumer_lag"]?.double, "topic", topic.key, "partition", partition.key)
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
