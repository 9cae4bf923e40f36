import Metrics
import Synchronization
import Wire

/// Makes gauges of the figures that the library gives out from time to time.
final class KafkaStatistics: Sendable {
    private let client: String
    private let gauges = Mutex<[String: Gauge]>([:])

    /// - Parameter client: `producer`, or the group's name.
    init(client: String) { self.client = client }

    /// Records one report. What cannot be read is left out: figures are no reason to fail.
    func record(_ json: UnsafeBufferPointer<UInt8>) {
        guard let report = try? JSONParser.parse(json) else { return }
        set("waybill_kafka_queue_messages", report["msg_cnt"]?.double)
        set("waybill_kafka_queue_bytes", report["msg_size"]?.double)
        for broker in report["brokers"]?.object?.members ?? [] where (broker.value["nodeid"]?.integer ?? -1) >= 0 {
            let name = ("broker", "\(broker.value["nodeid"]?.integer ?? 0)")
            set("waybill_kafka_broker_rtt_seconds", broker.value["rtt"]?["avg"]?.double.map { $0 / 1e6 }, name)
            set("waybill_kafka_broker_up", broker.value["state"]?.string.map { $0 == "UP" ? 1 : 0 }, name)
        }
        for topic in report["topics"]?.object?.members ?? [] {
            for partition in topic.value["partitions"]?.object?.members ?? [] {
                // What is not known yet, or not this member's, is below zero.
                guard let lag = partition.value["consumer_lag"]?.double, lag >= 0 else { continue }
                set("waybill_kafka_consumer_lag", lag, ("topic", topic.key), ("partition", partition.key))
            }
        }
    }

    private func set(_ label: String, _ value: Double?, _ dimensions: (String, String)...) {
        guard let value else { return }
        let gauge = gauges.withLock { gauges in
            let key = dimensions.reduce(label) { "\($0) \($1.1)" }
            if let gauge = gauges[key] { return gauge }
            let gauge = Gauge(label: label, dimensions: [("client", client)] + dimensions)
            gauges[key] = gauge
            return gauge
        }
        gauge.record(value)
    }
}
