import Messaging
import Testing
import Wire

@testable import BrokerKafka

@Suite("Kafka's producer", .enabled(if: MockCluster.isWanted, "kafka-mock is not built"), .timeLimit(.minutes(3)))
struct ProducerTests {
    /// The number of a Produce request in Kafka's protocol.
    private static let produce = 0

    /// Runs a body with a broker on a mock of its own.
    private func withCluster(
        _ change: (inout KafkaConfiguration) -> Void = { _ in }, body: (MockCluster, KafkaBroker, BrokerTopology) async throws -> Void
    ) async throws {
        let cluster = try MockCluster()
        var configuration = TestCluster.configuration(cluster)
        change(&configuration)
        let (broker, topology) = (TestCluster.broker(configuration), TestCluster.topology())
        do {
            try await broker.open(topology)
            try await body(cluster, broker, topology)
        } catch {
            Issue.record("\(error)")
        }
        await broker.close()
        cluster.end()
    }

    private func numbers(_ deliveries: [BrokerDelivery]) -> [Identifier: [Int]] {
        Dictionary(grouping: deliveries, by: \.message.key).mapValues {
            $0.compactMap { Int(String(decoding: $0.message.body.prefix { $0 != 32 }, as: UTF8.self)) }
        }
    }

    /// The mock checks sequence numbers of transactional producers only: it takes a request twice when its answer was lost, and takes one behind a failed one. So
    /// repetitions are not looked at here, and one request is on its way at a time; a real broker would refuse both.
    @Test("neither loses nor reorders when requests fail and connections break")
    func injectedErrors() async throws {
        let smallBatches: (inout KafkaConfiguration) -> Void = {
            $0.properties["batch.num.messages"] = "50"
            $0.properties["max.in.flight.requests.per.connection"] = "1"
        }
        try await withCluster(smallBatches) { cluster, broker, topology in
            let topic = topology.topics[0]
            let messages = (0..<4000).map { TestCluster.message($0 % 10, $0 / 10, topic: topic) }
            // Not the leader, timed out, no connection, too few replicas: each once or more, among requests that succeed.
            try cluster.command("errors \(ProducerTests.produce) 0 6 0 7 -195 0 0 19 20 -195 6 0 7 7 0 -195")
            try await broker.publish(messages)
            // What was published last is read last in its partition: by then everything has come.
            let markers = (0..<10).map { TestCluster.message($0, 400, topic: topic) }
            try await broker.publish(markers)
            let member = try await broker.subscribe(group: topology.groups[0].name, topics: [topic], member: "a")
            var seen: [Identifier: [Int]] = [:]
            while !(seen.count == 10 && seen.values.allSatisfy { $0.last == 400 }) {
                let found = numbers(try await member.take(1))
                if found.isEmpty { break }
                for (key, list) in found { for number in list where number > seen[key]?.last ?? -1 { seen[key, default: []].append(number) } }
            }
            #expect(seen.count == 10)
            for (key, list) in seen { #expect(list == Array(0...400), "\(key): something is missing or came before its predecessor") }
            await member.close()
        }
    }

    @Test("is replaced after a refusal, and the next batch is published")
    func fatalErrors() async throws {
        try await withCluster { cluster, broker, topology in
            let topic = topology.topics[0]
            try await broker.publish([TestCluster.message(1, 0, topic: topic)])
            // The topic is not ours; then a message is too large for the broker: neither passes by waiting.
            try cluster.command("errors \(ProducerTests.produce) 29")
            let denied = await #expect(throws: BrokerError.self) { try await broker.publish([TestCluster.message(1, 1, topic: topic)]) }
            guard case .misconfigured = denied else {
                Issue.record("\(String(describing: denied))")
                return
            }
            try cluster.command("errors \(ProducerTests.produce) 10")
            let batch = (1...3).map { TestCluster.message(1, $0, topic: topic, padding: $0 == 2 ? 500 : 0) }
            let refused = await #expect(throws: BrokerError.self) { try await broker.publish(batch) }
            guard case .rejected(1, _) = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }

            try await broker.publish(batch)
            let member = try await broker.subscribe(group: topology.groups[0].name, topics: [topic], member: "a")
            #expect(numbers(try await member.take(4)).values.first == [0, 1, 2, 3])
            await member.close()
        }
    }

    @Test("gives up a batch whose fate is unknown, and the repetition keeps the order")
    func unknownOutcome() async throws {
        let impatient: (inout KafkaConfiguration) -> Void = { $0.publishTimeout = .seconds(1) }
        try await withCluster(impatient) { cluster, broker, topology in
            let topic = topology.topics[0]
            let messages = (0..<300).map { TestCluster.message($0 % 3, $0 / 3, topic: topic) }
            try await broker.publish([TestCluster.message(9, 0, topic: topic)])
            // Answers come too late: the brokers have the messages, and nobody learns it.
            try cluster.command("delay 4000")
            let error = await #expect(throws: BrokerError.self) { try await broker.publish(messages) }
            guard case .unavailable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try cluster.command("delay 0")
            for attempt in 1... {
                do {
                    try await broker.publish(messages)
                    break
                } catch BrokerError.unavailable where attempt < 20 { continue }
            }
            let member = try await broker.subscribe(group: topology.groups[0].name, topics: [topic], member: "a")
            var first: [Identifier: [Int]] = [:]
            while first.values.reduce(0, { $0 + $1.count }) < 301 {
                for (key, list) in numbers(try await member.take(1)) {
                    for number in list where !(first[key] ?? []).contains(number) { first[key, default: []].append(number) }
                }
            }
            for list in first.values { #expect(list == list.sorted()) }
            await member.close()
        }
    }

    @Test("compresses as it is told to, and a reader need not know how")
    func compression() async throws {
        let topology = TestCluster.topology()
        let kinds = KafkaConfiguration.Compression.allCases
        for (index, kind) in kinds.enumerated() {
            var configuration = try TestCluster.configuration()
            configuration.compression = kind
            let broker = TestCluster.broker(configuration)
            try await broker.open(topology)
            let numbers = index * 100..<(index + 1) * 100
            try await broker.publish(numbers.flatMap { number in (0..<5).map { TestCluster.message($0, number, topic: topology.topics[0], padding: 300) } })
            await broker.close()
        }
        let broker = TestCluster.broker(try TestCluster.configuration())
        let member = try await broker.subscribe(group: topology.groups[0].name, topics: topology.topics, member: "a")
        let found = try await member.take(kinds.count * 500)
        #expect(numbers(found).values.allSatisfy { $0 == Array(0..<kinds.count * 100) })
        #expect(found.allSatisfy { $0.message.body.count > 300 })
        await broker.close()
    }
}
