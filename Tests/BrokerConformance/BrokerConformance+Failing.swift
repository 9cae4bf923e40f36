import Messaging
import Synchronization
import Testing
import Wire

extension BrokerConformance {
    /// Publishes and consumes, takes the broker away while both go on, gives it back, and looks for what is missing.
    func outage(_ scene: Scene) async throws {
        guard let interrupt = scene.subject.interrupt, let restore = scene.subject.restore else { return }
        let (publisher, consumer) = (try await scene.broker(), try await scene.broker())
        let (before, during, after) = (scene.messages(400, keys: 20), scene.messages(2000, keys: 20, first: 20), scene.messages(400, keys: 20, first: 120))
        let arrivals = Arrivals()
        arrivals.expectTwice()
        arrivals.expect(before + during + after)
        try await publisher.publish(before)
        let member = try await scene.join(consumer, "a")
        async let consumed: Void = member.take(limit: 100, within: scene.subject.patience * 3) { deliveries in
            arrivals.note(deliveries, member: "a")
            await member.acknowledge(deliveries)
            return arrivals.isComplete
        }
        try await eventually("the first messages have come", within: scene.subject.patience) { arrivals.count > 0 }

        try await interrupt()
        let relay = Relay(publisher)
        async let published: Void = relay.publish(during)
        // A publisher may also wait for the broker instead of failing: then this is the time in which it could have failed.
        let deadline = ContinuousClock.now + .seconds(3)
        while relay.failures == 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(20)) }
        let wasDone = relay.isDone
        #expect(!wasDone, "publish has returned while the broker was away")
        try await restore()
        try await published
        try await publisher.publish(after)
        try await consumed
        #expect(arrivals.isComplete, "\(arrivals.missing) messages are missing, after \(relay.failures) failures of publish")
        await member.close()
    }

    func foreign(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let foreign = BrokerMessage(topic: scene.topic, key: Identifier(high: 0, low: 0), headers: [], body: Array("hello".utf8))
        let messages = scene.messages(40, keys: 20)
        try await broker.publish([foreign])
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        let arrivals = Arrivals()
        let strangers = Mutex<[BrokerMessage]>([])
        arrivals.expect(messages)
        try await member.take(within: scene.subject.patience) { deliveries in
            arrivals.note(deliveries.filter { $0.message.number != nil }, member: "a")
            await member.acknowledge(deliveries)
            return strangers.withLock { strangers in
                strangers += deliveries.map(\.message).filter { $0.number == nil }
                return arrivals.isComplete && !strangers.isEmpty
            }
        }
        let arrived = try #require(strangers.withLock { $0.first })
        #expect(arrived.topic == foreign.topic && arrived.key == foreign.key && arrived.body == foreign.body)
        await member.close()
    }

    func unknownTopic(_ scene: Scene) async throws {
        if scene.subject.makesTopics { return }
        let broker = try await scene.broker()
        let messages = scene.messages(40, keys: 20)
        let error = await #expect(throws: BrokerError.self) {
            try await broker.publish([scene.message(1, 0, topic: "\(scene.topic)-nowhere")])
        }
        guard case .misconfigured(let reason) = error else {
            Issue.record("the error was \(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        try await member.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        await member.close()
    }

    func tooLarge(_ scene: Scene) async throws {
        guard let size = scene.subject.tooLarge else { return }
        let broker = try await scene.broker()
        var messages = scene.messages(20, keys: 20)
        messages[7] = scene.message(7, 0, topic: messages[7].topic, padding: size)
        let error = await #expect(throws: BrokerError.self) { try await broker.publish(messages) }
        guard case .rejected(let index, let reason) = error else {
            Issue.record("the error was \(String(describing: error))")
            return
        }
        #expect(index == 7)
        #expect(!reason.isEmpty)
        messages.remove(at: 7)
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        let arrivals = Arrivals()
        arrivals.expectTwice()
        try await member.take(all: messages, arrivals, member: "a", within: scene.subject.patience)
        await member.close()
    }
}

/// Publishes in the order given until it succeeds, as the relay of an outbox does.
private final class Relay: Sendable {
    private let broker: any EventBroker
    private let state = Mutex((failures: 0, isDone: false))
    var failures: Int { state.withLock { $0.failures } }
    var isDone: Bool { state.withLock { $0.isDone } }

    init(_ broker: any EventBroker) { self.broker = broker }

    func publish(_ messages: [BrokerMessage]) async throws {
        while true {
            do {
                try await broker.publish(messages)
                return state.withLock { $0.isDone = true }
            } catch BrokerError.unavailable {
                state.withLock { $0.failures += 1 }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
