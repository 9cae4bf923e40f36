import Messaging
import Synchronization
import Testing
import Wire

extension BrokerConformance {
    func order(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(6000, keys: 60)
        for batch in stride(from: 0, to: messages.count, by: 700) { try await broker.publish(Array(messages[batch..<min(batch + 700, messages.count)])) }
        try await broker.publish([])
        let member = try await scene.join(broker, "a")
        let arrivals = Arrivals()
        try await member.take(all: messages, arrivals, member: "a", within: scene.subject.patience)
        await member.close()
    }

    func groups(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(1000, keys: 20)
        let one = try await scene.join(broker, "a")
        try await broker.publish(messages)
        let other = try await scene.join(broker, "a", group: scene.topology.groups[1])
        async let first: Void = one.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        async let second: Void = other.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        _ = try await (first, second)
        await one.close()
        await other.close()
    }

    func contents(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        var random = SplitMix(state: 7)
        let sizes = [0, 1, 2, 255, 256, 1000, 65_536, 1_000_000, 1 << 20]
        let messages = sizes.enumerated().map { index, size in
            BrokerMessage(
                topic: scene.topic, key: Scene.key(index), headers: BrokerConformance.headers(index),
                body: (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        let found = Mutex<[Identifier: BrokerMessage]>([:])
        try await member.take(within: scene.subject.patience) { deliveries in
            await member.acknowledge(deliveries)
            return found.withLock { found in
                for delivery in deliveries { found[delivery.message.key] = delivery.message }
                return found.count == messages.count
            }
        }
        for message in messages {
            let arrived = try #require(found.withLock { $0[message.key] })
            #expect(arrived.topic == message.topic)
            #expect(arrived.body == message.body, "\(arrived.body.count) bytes arrived of \(message.body.count)")
            // Their order is not promised: some bindings have a place of its own for `content-type`.
            #expect(arrived.headers.sorted { $0.name < $1.name } == message.headers.sorted { $0.name < $1.name })
        }
        await member.close()
    }

    private static func headers(_ index: Int) -> [BrokerMessage.Header] {
        [
            .init("id", "0192-\(index)"), .init("source", "/waybill/orders"), .init("specversion", "1.0"), .init("type", "OrderCreated"),
            .init("time", "2025-11-21T12:00:00.000Z"), .init("subject", "gr\u{00FC}\u{00DF}e \u{1F680}"), .init("empty", ""),
            .init("long", String(repeating: "x", count: 2000)), .init("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            .init("content-type", "application/json"),
        ]
    }

    func durability(_ scene: Scene) async throws {
        let publisher = try await scene.broker()
        let messages = scene.messages(2000, keys: 40)
        try await publisher.publish(messages)
        await scene.subject.crash(publisher)
        let member = try await scene.join(try await scene.broker(), "a")
        try await member.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        await member.close()
    }

    func publishers(_ scene: Scene) async throws {
        let brokers = [try await scene.broker(), try await scene.broker(), try await scene.broker(), try await scene.broker()]
        try await publishTogether(scene, brokers)
    }

    func callers(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        try await publishTogether(scene, Array(repeating: broker, count: 4))
    }

    /// Publishes from several tasks, each messages of keys of its own: between two publishers of one key nothing is promised.
    private func publishTogether(_ scene: Scene, _ brokers: [any EventBroker]) async throws {
        let messages = scene.messages(4000, keys: 40)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, broker) in brokers.enumerated() {
                let share = messages.filter { $0.key.low % UInt64(brokers.count) == UInt64(number) }
                group.addTask { for start in stride(from: 0, to: share.count, by: 100) { try await broker.publish(Array(share[start..<start + 100])) } }
            }
            try await group.waitForAll()
        }
        let member = try await scene.join(try await scene.broker(), "a")
        try await member.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        await member.close()
    }

    func limits(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(120, keys: 12)
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        // `take` looks at the size of each batch.
        for limit in [1, 7] {
            try await member.take(limit: limit, within: scene.subject.patience) { deliveries in
                await member.acknowledge(deliveries)
                return true
            }
        }
        await member.close()
    }

    func backlog(_ scene: Scene) async throws {
        let publisher = try await scene.broker()
        let messages = scene.messages(scene.subject.largeBacklog, keys: 1000)
        for start in stride(from: 0, to: messages.count, by: 2000) { try await publisher.publish(Array(messages[start..<min(start + 2000, messages.count)])) }
        let member = try await scene.join(try await scene.broker(), "a")
        try await member.take(all: messages, Arrivals(), member: "a", limit: 2000, within: scene.subject.patience * 2)
        await member.close()
    }

    func backPressure(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(10_000, keys: 40, padding: 1024)
        let member = try await scene.join(broker, "a")
        for start in stride(from: 0, to: messages.count, by: 1000) { try await broker.publish(Array(messages[start..<start + 1000])) }
        let arrivals = Arrivals()
        arrivals.expect(messages)
        let subject = scene.subject
        try await member.take(limit: 40, within: subject.patience) { deliveries in
            arrivals.note(deliveries, member: "a")
            if let held = subject.held?(member) { #expect(held <= subject.heldAtMost, "\(held) messages are held") }
            await member.acknowledge(deliveries)
            return arrivals.isComplete
        }
        await member.close()
    }
}

/// Bytes that are the same in every run.
struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        let z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        return z ^ (z >> 31)
    }
}
