import Messaging
import Storage
import Synchronization
import Testing
import Wire

extension BrokerConformance {
    /// Longer than any end should take.
    private static let promptly: Duration = .seconds(15)

    func closing(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(40, keys: 20)
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        let arrivals = Arrivals()
        arrivals.expect(messages)
        let taken = Mutex<[BrokerDelivery]>([])
        try await member.take(within: scene.subject.patience) { deliveries in
            arrivals.note(deliveries, member: "a")
            taken.withLock { $0 += deliveries }
            return arrivals.isComplete
        }
        // Nothing is left, so this waits, or finds the subscription closed already: it has to end in both cases.
        async let last = member.next(limit: 10)
        let start = ContinuousClock.now
        await member.close()
        #expect(try await last == nil)
        #expect(ContinuousClock.now - start < BrokerConformance.promptly)

        await member.acknowledge(taken.withLock { $0 })
        await member.rejoin()
        await member.close()
        #expect(try await member.next(limit: 10) == nil)
        try await broker.publish(messages)
    }

    func closingBroker(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let member = try await scene.join(broker, "a")
        async let last = member.next(limit: 10)
        let start = ContinuousClock.now
        await broker.close()
        #expect(try await last == nil)
        #expect(ContinuousClock.now - start < BrokerConformance.promptly)
        #expect(try await member.next(limit: 10) == nil)
        await #expect(throws: BrokerError.self) { try await broker.publish(scene.messages(1, keys: 1)) }
        await #expect(throws: BrokerError.self) { _ = try await scene.join(broker, "b") }
        await broker.close()
        await member.close()
    }

    func opening(_ scene: Scene) async throws {
        let brokers = [try await scene.subject.connect(), try await scene.subject.connect(), try await scene.subject.connect()]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for broker in brokers { group.addTask { try await broker.open(scene.topology) } }
            try await group.waitForAll()
        }
        try await brokers[0].open(scene.topology)
        let messages = scene.messages(100, keys: 20)
        try await brokers[1].publish(messages)
        let member = try await scene.join(brokers[2], "a")
        try await member.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        await member.close()
        for broker in brokers { await broker.close() }
    }

    func lag(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        guard try await broker.lag(of: scene.group.name) != nil else { return }
        let group = scene.group.name
        let messages = scene.messages(300, keys: 20)
        try await broker.publish(messages)
        try await eventually("the lag is what was published", within: scene.subject.patience) { try await broker.lag(of: group) == messages.count }
        let member = try await scene.join(broker, "a")
        try await member.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        // What comes again because the member lost its partitions in between has to be acknowledged as well.
        async let rest: Void = member.takeEverything()
        try await eventually("the lag is gone", within: scene.subject.patience) { try await broker.lag(of: group) == 0 }
        await member.close()
        try await rest
        #expect(try await broker.lag(of: scene.topology.groups[1].name) == messages.count, "the other group has read nothing")
    }

    func examination(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        #expect(!broker.name.isEmpty)
        let findings = await broker.examine(scene.topology)
        #expect(!findings.isEmpty)
        for finding in findings { #expect(finding.verdict != .fail, "\(finding.name): \(finding.words)") }
        for finding in findings { #expect((finding.verdict == .ok) == finding.advice.isEmpty, "\(finding.name) says what to do where something is not well") }
        // A connection that has opened nothing finds the same, as `waybill doctor` does, and makes nothing of what it is asked for.
        let stranger = try await scene.subject.connect()
        #expect(await stranger.examine(scene.topology).count == findings.count)
        let names = scene.topology.topics.map { $0 + "-absent" }
        let absent = BrokerTopology(topics: names, groups: [.init(name: scene.group.name + "-absent", topics: names)], partitions: scene.subject.partitions)
        let (first, second) = (await stranger.examine(absent), await stranger.examine(absent))
        #expect(first.map(\.words) == second.map(\.words))
        await stranger.close()
    }
}
