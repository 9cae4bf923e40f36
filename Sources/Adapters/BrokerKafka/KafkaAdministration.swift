import CKafka
import Dispatch
import Glibc
import Logging
import Messaging
import Storage
import Synchronization

/// Questions about topics, groups and offsets, and the making of topics: calls that wait for the brokers, one after the other on a queue of their own.
final class KafkaAdministration: Sendable {
    private let configuration: KafkaConfiguration
    private let logger: Logger
    private let queue = DispatchQueue(label: "waybill.kafka.administration")
    /// Touched on ``queue`` only.
    private nonisolated(unsafe) var client: KafkaClient?
    private nonisolated(unsafe) var isClosed = false

    init(_ configuration: KafkaConfiguration, logger: Logger) { (self.configuration, self.logger) = (configuration, logger) }

    /// Makes what is missing of a topology.
    func open(_ topology: BrokerTopology) async throws {
        try await perform { client in
            let deadline = ContinuousClock.now + self.configuration.requestTimeout * 2
            let cluster = try self.look(client)
            var missing = cluster.missing(topology.topics)
            if missing.isEmpty { return }
            if self.configuration.createsTopics {
                let creation = KafkaTopicCreation(self.configuration, brokers: cluster.brokers.count, logger: self.logger)
                try creation.create(missing, partitions: topology.partitions, client)
                missing = try self.look(client).missing(topology.topics)
            }
            // Topics that were made a moment ago are not known to all brokers yet; where they could not be made so, asking for them may make them.
            while !missing.isEmpty {
                guard ContinuousClock.now < deadline else {
                    throw BrokerError.misconfigured("kafka: these topics are missing and cannot be made: \(missing.joined(separator: ", "))")
                }
                missing = try self.provoke(missing, client)
            }
        }
    }

    private func look(_ client: KafkaClient) throws -> KafkaCluster { try KafkaCluster.look(client, timeout: configuration.requestTimeout) }

    /// Asks for each topic by its name: brokers with `auto.create.topics.enable` then make it, with partitions of their own choice.
    /// - Returns: what is still missing.
    private func provoke(_ topics: [String], _ client: KafkaClient) throws -> [String] {
        var missing: [String] = []
        for name in topics {
            let topic = rd_kafka_topic_new(client.handle, name, nil)
            defer { rd_kafka_topic_destroy(topic) }
            if try KafkaCluster.look(client, topic: topic, timeout: configuration.requestTimeout).topics[name] == nil { missing.append(name) }
        }
        // Blocks the administration's own thread, which has nothing else to do until the topics are there.
        if !missing.isEmpty { usleep(50_000) }  // lint:allow a thread of its own waits between two looks
        return missing
    }

    /// How many messages of its topics a group has not acknowledged; nil where none of its topics exists.
    func lag(of group: BrokerTopology.Group) async throws -> Int? {
        try await perform { client in
            let cluster = try self.look(client)
            let partitions = KafkaAdministration.partitions(of: group, in: cluster)
            if partitions.isEmpty { return nil }
            let progress = try KafkaGroupProgress.look(at: group.name, partitions, client, timeout: self.configuration.requestTimeout)
            return progress.reduce(0) { $0 + $1.lag }
        }
    }

    private static func partitions(of group: BrokerTopology.Group, in cluster: KafkaCluster) -> [KafkaAssignment.Partition] {
        group.topics.flatMap { topic in (0..<(cluster.topics[topic]?.partitions ?? 0)).map { .init(topic: topic, number: Int32($0)) } }
    }

    /// Looks at everything for `waybill doctor`.
    func examine(_ topology: BrokerTopology) async -> [EngineFinding] {
        let advice = "check that the brokers run, and the addresses and credentials in the configuration"
        do {
            return try await perform { client in
                let cluster = try self.look(client)
                let version = rd_kafka_version_str().map { String(cString: $0) } ?? "?"
                var findings = [
                    EngineFinding(.ok, "kafka", "\(cluster.brokers.count) brokers: \(cluster.brokers.joined(separator: ", ")); librdkafka \(version)")
                ]
                if !topology.topics.isEmpty, cluster.missing(topology.topics) == topology.topics { return findings + [KafkaAdministration.nothing] }
                let copies = self.configuration.replicationFactor
                for topic in topology.topics { findings.append(KafkaAdministration.finding(topic, topology.partitions, copies: copies, in: cluster)) }
                for group in topology.groups { findings.append(self.finding(group, cluster, client)) }
                return findings
            }
        } catch { return [EngineFinding(.fail, "kafka", "\(error)", advice: advice)] }
    }

    /// Of a platform that has never been started.
    private static let nothing = EngineFinding(
        .warn, "kafka topics", "none of the platform's topics is there yet", advice: "start the platform, which makes them, or make them with your own tools")

    /// - Parameter wanted: how many brokers should keep a topic; nil where that is the cluster's business.
    static func finding(_ name: String, _ partitions: Int, copies wanted: Int? = nil, in cluster: KafkaCluster) -> EngineFinding {
        guard let topic = cluster.topics[name] else {
            return EngineFinding(.fail, "kafka \(name)", "the topic is missing", advice: "start the platform, which makes it, or make it with your own tools")
        }
        let words = "\(topic.partitions) partitions, \(topic.replicas) replicas"
        if topic.leaderless > 0 {
            return EngineFinding(.fail, "kafka \(name)", "\(words), \(topic.leaderless) without a leader", advice: "bring back the brokers that keep them")
        }
        if topic.partitions != partitions {
            return EngineFinding(
                .warn, "kafka \(name)", "\(words); the configuration says \(partitions)",
                advice:
                    "it is used as it is; partitions that are added later send orders that are on their way to another partition, so stop the producers first")
        }
        if topic.replicas < wanted ?? min(2, cluster.brokers.count) {
            let lacking = wanted.map { $0 > cluster.brokers.count ? "add brokers (there are \(cluster.brokers.count)), then " : "" } ?? ""
            let words = words + (wanted.map { "; the configuration says \($0)" } ?? "")
            let danger = topic.replicas < 2 ? "one broker's disk is all there is" : "fewer disks than wished keep it"
            return EngineFinding(.warn, "kafka \(name)", words, advice: "\(danger): \(lacking)give it more replicas (kafka-reassign-partitions)")
        }
        return EngineFinding(.ok, "kafka \(name)", words)
    }

    private func finding(_ group: BrokerTopology.Group, _ cluster: KafkaCluster, _ client: KafkaClient) -> EngineFinding {
        let name = "kafka group \(group.name)"
        let partitions = KafkaAdministration.partitions(of: group, in: cluster)
        do {
            let progress = try KafkaGroupProgress.look(at: group.name, partitions, client, timeout: configuration.requestTimeout)
            let (lag, lost) = (progress.reduce(0) { $0 + $1.lag }, progress.reduce(0) { $0 + $1.lost })
            guard lost > 0 else { return EngineFinding(.ok, name, "\(lag) messages behind") }
            return EngineFinding(
                .fail, name, "\(lag) messages behind, and \(lost) were deleted before it read them",
                advice: "raise the topics' retention; the producers' services have the events in their archive")
        } catch {
            return EngineFinding(.warn, name, "its positions are not known: \(error)", advice: "check that the group's coordinator is up and may be asked")
        }
    }

    func close() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            queue.async {
                self.isClosed = true
                self.client?.destroy()
                self.client = nil
                done.resume()
            }
        }
    }

    /// Does something with the client, which is made when it is first needed.
    private func perform<T: Sendable>(_ body: @escaping @Sendable (KafkaClient) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body(self.connected()) }) }
        }
    }

    private func connected() throws -> KafkaClient {
        if isClosed { throw KafkaBroker.closed }
        if let client { return client }
        let client = try KafkaClient(.producer, configuration.administration, configuration, events: nil, logger: logger)
        self.client = client
        return client
    }
}
