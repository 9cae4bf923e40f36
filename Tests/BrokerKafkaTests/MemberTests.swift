import Messaging
import Synchronization
import Testing
import Wire

@testable import BrokerKafka

@Suite("Kafka's members", .enabled(if: TestCluster.isWanted, TestCluster.hint), .timeLimit(.minutes(3)))
struct MemberTests {
    private func round(_ number: Int, _ topic: String) -> [BrokerMessage] { (0..<60).map { TestCluster.message($0, number, topic: topic) } }

    /// The sessions in which a member gets a round of messages, by partition.
    private func sessions(_ deliveries: [BrokerDelivery]) -> [String: Int64] {
        Dictionary(deliveries.map { ($0.partition, $0.session) }) { first, second in max(first, second) }
    }

    @Test("keep the sessions of the partitions that another member does not get")
    func cooperation() async throws {
        let configuration = try TestCluster.configuration()
        let (one, two, topology) = (TestCluster.broker(configuration), TestCluster.broker(configuration), TestCluster.topology())
        let (topic, group) = (topology.topics[0], topology.groups[0].name)
        try await one.open(topology)
        try await two.open(topology)
        let first = try await one.subscribe(group: group, topics: [topic], member: "a")
        try await one.publish(round(0, topic))
        let before = sessions(try await first.take(60))
        #expect(before.count == 4)

        let second = try await two.subscribe(group: group, topics: [topic], member: "b")
        let arrivals = Arrivals()
        async let work: Void = arrivals.collect(first, member: "a")
        async let otherWork: Void = arrivals.collect(second, member: "b")
        // Rounds go on until the newcomer has got something; then one more shows who has what.
        var last = 0
        let deadline = ContinuousClock.now + .seconds(60)
        while arrivals.sessions(of: "b", in: last).isEmpty, ContinuousClock.now < deadline {
            last += 1
            try await one.publish(round(last, topic))
            try await Task.sleep(for: .milliseconds(100))
        }
        last += 1
        try await one.publish(round(last, topic))
        while arrivals.count(in: last) < 60, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(20)) }
        let (kept, moved) = (arrivals.sessions(of: "a", in: last), arrivals.sessions(of: "b", in: last))
        #expect(kept.count == 2 && moved.count == 2)
        for (partition, session) in kept { #expect(before[partition] == session, "\(partition) began anew") }
        for (partition, session) in moved { #expect(kept[partition] == nil && before[partition] != session) }
        await one.close()
        await two.close()
        _ = try await (work, otherWork)
    }

    @Test("stay members while their caller works on a batch for longer than a poll may take")
    func longWork() async throws {
        var configuration = try TestCluster.configuration()
        // The least that is possible.
        configuration.properties["max.poll.interval.ms"] = "\(configuration.sessionTimeout.timeout)"
        let (broker, topology) = (TestCluster.broker(configuration), TestCluster.topology())
        try await broker.open(topology)
        try await broker.publish((0..<3000).map { TestCluster.message($0 % 40, $0 / 40, topic: topology.topics[0]) })
        let member = try await broker.subscribe(group: topology.groups[0].name, topics: topology.topics, member: "a")
        let early = try #require(try await member.next(limit: 10))
        // The time is what is tested: a member that does not poll is expelled after it.
        try await Task.sleep(for: configuration.sessionTimeout + .seconds(2))
        await member.acknowledge(early)
        let late = try await member.take(3000 - early.count)
        #expect(late.count == 3000 - early.count, "nothing came again")
        for (partition, session) in sessions(early) { #expect(sessions(late)[partition] == session) }
        await broker.close()
    }

    @Test("read topics that the brokers had to make by themselves, and the log says so")
    func automaticTopics() async throws {
        let cluster = try MockCluster()
        var configuration = TestCluster.configuration(cluster)
        configuration.createsTopics = true
        configuration.requestTimeout = .seconds(2)
        let log = TestLog()
        let (broker, topology) = (TestCluster.broker(configuration, log: log), TestCluster.topology(partitions: 9))
        try await broker.open(topology)
        #expect(log.lines.contains { $0.contains("administration protocol") && $0.contains(topology.topics[0]) })
        try await broker.publish(round(0, topology.topics[0]))
        let member = try await broker.subscribe(group: topology.groups[0].name, topics: topology.topics, member: "a")
        #expect(try await member.take(60).count == 60)
        // The mock makes 4 partitions of its own accord.
        let findings = await broker.examine(topology)
        #expect(findings.contains { $0.verdict == .warn && $0.words.contains("4 partitions") && $0.words.contains("9") })
        await broker.close()
        cluster.end()
    }
}

/// What came to whom, by the number of its round.
private final class Arrivals: Sendable {
    private struct Entry: Sendable {
        let member: String
        let round: String
        let partition: String
        let session: Int64
    }
    private let entries = Mutex<[Entry]>([])

    /// Takes and acknowledges until the subscription is closed.
    func collect(_ subscription: any BrokerSubscription, member: String) async throws {
        while let deliveries = try await subscription.next(limit: 100) {
            entries.withLock { entries in
                entries += deliveries.map {
                    Entry(member: member, round: String(decoding: $0.message.body, as: UTF8.self), partition: $0.partition, session: $0.session)
                }
            }
            await subscription.acknowledge(deliveries)
        }
    }

    func count(in round: Int) -> Int { entries.withLock { $0.count { $0.round == "\(round)" } } }

    func sessions(of member: String, in round: Int) -> [String: Int64] {
        let found = entries.withLock { $0.filter { $0.member == member && $0.round == "\(round)" } }
        return Dictionary(found.map { ($0.partition, $0.session) }) { first, second in max(first, second) }
    }
}
