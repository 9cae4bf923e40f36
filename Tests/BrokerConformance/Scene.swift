import Messaging
import Synchronization
import Testing
import Wire

/// The topics, groups and connections of one check.
final class Scene: Sendable {
    let subject: BrokerSubject
    let topology: BrokerTopology
    private let connections = Mutex<[any EventBroker]>([])

    /// The first topic.
    var topic: String { topology.topics[0] }
    /// The first group; it listens to both topics.
    var group: BrokerTopology.Group { topology.groups[0] }

    init(_ subject: BrokerSubject) {
        self.subject = subject
        let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let topics = ["orders-\(tag)", "stock-\(tag)"]
        topology = BrokerTopology(
            topics: topics, groups: [.init(name: "billing-\(tag)", topics: topics), .init(name: "audit-\(tag)", topics: topics)],
            partitions: subject.partitions)
    }

    /// A new connection with the topology opened.
    func broker() async throws -> any EventBroker {
        let broker = try await subject.connect()
        connections.withLock { $0.append(broker) }
        try await broker.open(topology)
        return broker
    }

    /// A member of the first group, or of another one.
    func join(_ broker: any EventBroker, _ member: String, group: BrokerTopology.Group? = nil) async throws -> any BrokerSubscription {
        let group = group ?? self.group
        return try await broker.subscribe(group: group.name, topics: group.topics, member: member)
    }

    /// Closes all connections.
    func end() async {
        for broker in connections.withLock({ $0 }) { await broker.close() }
        await subject.finish(topology)
    }

    /// Messages on both topics in turn, each with the next number of its key; the numbers of a key begin at `first`.
    func messages(_ count: Int, keys: Int, first: Int = 0, padding: Int = 0) -> [BrokerMessage] {
        (0..<count).map { index in
            let (key, number) = (index % keys, first + index / keys)
            return message(key, number, topic: topology.topics[key % topology.topics.count], padding: padding)
        }
    }

    func message(_ key: Int, _ number: Int, topic: String, padding: Int = 0) -> BrokerMessage {
        let id = Scene.key(key)
        let headers: [BrokerMessage.Header] = [
            .init("id", "\(id)-\(number)"), .init("source", "/waybill/conformance"), .init("specversion", "1.0"), .init("type", "Numbered"),
            .init("content-type", "application/json"),
        ]
        return BrokerMessage(topic: topic, key: id, headers: headers, body: Array("\(number)".utf8) + [UInt8](repeating: 32, count: padding))
    }

    static func key(_ index: Int) -> Identifier { Identifier(high: 0x0192_8f00_0000_7000 | UInt64(index & 0xFFF), low: 0x8000_0000_0000_0000 | UInt64(index)) }
}

extension BrokerMessage {
    /// The number that a message of ``Scene`` has in its key.
    var number: Int? { Int(String(decoding: body.prefix { $0 != 32 }, as: UTF8.self)) }
    /// What tells it from all others of its check.
    var label: String { "\(topic) \(key) \(number ?? -1)" }
}

/// Looks at a condition again and again until it is met, and reports when that takes too long.
func eventually(_ what: String, within patience: Duration, _ condition: @Sendable () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("after \(patience), still not: \(what)")
            return
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}

extension BrokerSubscription {
    /// Takes messages until `isEnough` says so; closes the subscription and reports when that takes too long. A connection that fails is waited for.
    func take(
        limit: Int = 500, within patience: Duration, _ isEnough: @escaping @Sendable ([BrokerDelivery]) async throws -> Bool
    ) async throws {
        let alarm = Task { await closeAfter(patience) }
        defer { alarm.cancel() }
        while true {
            do {
                guard let deliveries = try await next(limit: limit) else { break }
                #expect(!deliveries.isEmpty && deliveries.count <= limit, "\(deliveries.count) messages, at most \(limit) were asked for")
                if try await isEnough(deliveries) { return }
            } catch BrokerError.unavailable { continue }
        }
        Issue.record("the subscription ended, or did not get what was expected within \(patience)")
    }

    /// Takes, notes and acknowledges messages until all of these have arrived.
    func take(all expected: [BrokerMessage], _ arrivals: Arrivals, member: String, limit: Int = 500, within patience: Duration) async throws {
        arrivals.expect(expected)
        if arrivals.isComplete { return }
        try await take(limit: limit, within: patience) { deliveries in
            arrivals.note(deliveries, member: member)
            await self.acknowledge(deliveries)
            return arrivals.isComplete
        }
        #expect(arrivals.isComplete, "\(arrivals.missing) messages are missing")
    }

    /// Takes and acknowledges whatever comes until the subscription is closed.
    func takeEverything() async throws {
        while true {
            do {
                guard let deliveries = try await next(limit: 500) else { return }
                await acknowledge(deliveries)
            } catch BrokerError.unavailable { continue }
        }
    }

    private func closeAfter(_ patience: Duration) async {
        try? await Task.sleep(for: patience)
        if !Task.isCancelled { await close() }
    }
}
