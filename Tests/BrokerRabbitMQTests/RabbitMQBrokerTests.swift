import Messaging
import Storage
import Synchronization
import Testing
import Wire

@testable import BrokerRabbitMQ

@Suite("RabbitMQ", .serialized, .enabled(if: TestServer.isWanted, TestServer.hint), .timeLimit(.minutes(3)))
struct RabbitMQBrokerTests {
    private let topology = BrokerTopology.orders(partitions: 4)

    private func message(_ key: Int, _ number: Int = 0) -> BrokerMessage {
        BrokerMessage(
            topic: "orders", key: Identifier(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key)), headers: [.init("id", "\(key)-\(number)")],
            body: Array("\(number)".utf8))
    }

    private func number(_ delivery: BrokerDelivery) -> Int? { Int(String(decoding: delivery.message.body, as: UTF8.self)) }

    /// Takes so many messages, without acknowledging any.
    private func take(_ count: Int, _ member: any BrokerSubscription) async throws -> [BrokerDelivery] {
        var deliveries: [BrokerDelivery] = []
        while deliveries.count < count {
            do { deliveries += try #require(try await member.next(limit: count - deliveries.count)) } catch BrokerError.unavailable { deliveries = [] }
        }
        return deliveries
    }

    /// Publishes until it is done, as a relay does.
    private func publish(_ messages: [BrokerMessage], _ broker: RabbitMQBroker) async throws {
        while true {
            do { return try await broker.publish(messages) } catch BrokerError.unavailable { try await Task.sleep(for: .milliseconds(50)) }
        }
    }

    @Test("makes an exchange or a queue again that an operator has deleted, and loses nothing that is published", arguments: [true, false])
    func deleted(_ isExchange: Bool) async throws {
        try await withBroker(try TestServer.configuration(), topology) { broker in
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            try await broker.publish([message(1, 0)])
            #expect(try await take(1, member).compactMap(number) == [0])
            if isExchange {
                try await broker.removeExchange(of: "orders")
            } else {
                for partition in 0..<4 { try await broker.removeQueue(of: "billing", topic: "orders", partition: partition) }
            }
            try await publish((1...40).map { message($0, $0) }, broker)
            var numbers: Set<Int> = []
            while numbers.count < 40 { numbers.formUnion(try await take(1, member).compactMap(number).filter { $0 > 0 }) }
            #expect(await broker.examine(topology).allSatisfy { $0.verdict == .ok })
        }
    }

    @Test("makes everything again where all was deleted, whoever notices it first: who publishes, or who reads", arguments: [true, false])
    func wiped(_ isPublisherFirst: Bool) async throws {
        let configuration = try TestServer.configuration()
        try await withBroker(configuration, topology) { broker in
            try await broker.publish([message(1, 0)])
            try await broker.remove(topology)
            let examined = await broker.examine(topology)
            #expect(examined.last?.verdict == .warn && examined.last?.name == "rabbitmq exchanges", "\(examined)")
            if isPublisherFirst { try await publish([message(1, 1)], broker) }
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            if !isPublisherFirst {
                #expect(await broker.examine(topology).allSatisfy { $0.verdict == .ok })
                try await broker.publish([message(1, 1)])
            }
            #expect(try await take(1, member).compactMap(number) == [1])
            #expect(await broker.examine(topology).allSatisfy { $0.verdict == .ok })
        }
    }

    @Test("says what is wrong where a topic was never opened, and goes on")
    func unknownTopic() async throws {
        try await withBroker(try TestServer.configuration(), topology) { broker in
            let stray = BrokerMessage(topic: "nowhere", key: Identifier(high: 0, low: 0), headers: [], body: [])
            let expected = BrokerError.misconfigured("the topic nowhere is not part of the topology")
            await #expect(throws: expected) { try await broker.publish([message(1), stray]) }
            await #expect(throws: expected) { _ = try await broker.subscribe(group: "billing", topics: ["nowhere"], member: "a") }
            try await broker.publish([message(1)])
        }
    }

    @Test("wants the topology first, and the right password, which it does not repeat")
    func wrongUse() async throws {
        var configuration = try TestServer.configuration()
        let unopened = try RabbitMQBroker(configuration)
        await #expect(throws: BrokerError.misconfigured("the topology has to be opened first")) { try await unopened.publish([message(1)]) }
        #expect(try await unopened.lag(of: "billing") == nil)
        await unopened.close()

        configuration.login = .plain(user: "guest", password: "not-the-secret")
        let stranger = try RabbitMQBroker(configuration)
        let error = await #expect(throws: BrokerError.self) { try await stranger.open(topology) }
        guard case .misconfigured(let words) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!words.contains("not-the-secret"))
        let findings = await stranger.examine(topology)
        #expect(findings.map(\.verdict) == [.fail])
        #expect(!findings.contains { $0.words.contains("not-the-secret") })
        await stranger.close()
    }

    @Test("delivers again what was not acknowledged when a connection is cut, in order, in a new session, and goes on")
    func cutConnection() async throws {
        try await withBroker(try TestServer.configuration(), topology) { broker in
            let messages = (0..<200).map { message($0 % 10, $0) }
            try await broker.publish(messages)
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            let before = try await take(200, member)
            broker.interrupt()
            await #expect(throws: BrokerError.self) { _ = try await member.next(limit: 1) }
            // What is acknowledged now belongs to a connection that is gone.
            await member.acknowledge(before)
            let again = try await take(200, member)
            #expect(Set(before.map(\.session)).isDisjoint(with: again.map(\.session)))
            #expect(!again.contains { !$0.mayBeRepeated })
            for key in Set(again.map(\.message.key)) {
                let numbers = again.filter { $0.message.key == key }.compactMap(number)
                #expect(numbers == numbers.sorted())
            }
            await member.acknowledge(again)
            try await broker.publish([message(1, 200)])
            #expect(try await take(1, member).compactMap(number) == [200])
        }
    }

    @Test("lets the next member in line go on in order when the active one dies")
    func failover() async throws {
        let topology = BrokerTopology.orders(partitions: 1)
        let configuration = try TestServer.configuration()
        try await withBroker(configuration, topology) { broker in
            let other = try RabbitMQBroker(configuration)
            try await other.open(topology)
            // Names of which the first owns the only partition, so that it is not given away before it dies.
            let names = ["a", "b"].sorted { Membership.score($0, 0) > Membership.score($1, 0) }
            let active = try await other.subscribe(group: "billing", topics: ["orders"], member: names[0])
            let standby = try await broker.subscribe(group: "billing", topics: ["orders"], member: names[1])
            try await broker.publish((0..<1500).map { message(1, $0) })
            let first = try await take(300, active)
            await active.acknowledge(Array(first.prefix(100)))
            try await eventually("the acknowledgement has arrived") { (active as? RabbitMQSubscription)?.unacknowledgedMessages == 600 }
            await other.crash()

            // What was acknowledged may come again, as the broker perhaps did not learn of it; from there on everything comes, in order.
            var numbers: [Int] = []
            while numbers.last != 1499 {
                let deliveries = try await take(1, standby)
                #expect(!first.contains { $0.session == deliveries[0].session })
                numbers += deliveries.compactMap(number)
                await standby.acknowledge(deliveries)
            }
            #expect(numbers.first.map { $0 <= 100 } == true)
            #expect(numbers == Array((numbers.first ?? 0)...1499))
        }
    }

    @Test("gives a message that comes back too often to the dead letters, and to nobody else")
    func deliveryLimit() async throws {
        var configuration = try TestServer.configuration()
        configuration.deliveryLimit = 2
        let topology = BrokerTopology(
            topics: ["orders", "orders.DLQ"], groups: [.init(name: "billing", topics: ["orders"]), .init(name: "desk", topics: ["orders.DLQ"])], partitions: 2)
        try await withBroker(configuration, topology) { broker in
            let poison = message(1, 7)
            try await broker.publish([poison])
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            for attempt in 0..<3 {
                let delivery = try await take(1, member)
                #expect(delivery[0].mayBeRepeated == (attempt > 0))
                await member.rejoin()
            }
            try await eventually("the dead letter is kept") { try await broker.kept("orders.DLQ") == 1 }
            #expect(try await broker.lag(of: "billing") == 0)
            let desk = try await broker.subscribe(group: "desk", topics: ["orders.DLQ"], member: "a")
            let letter = try await take(1, desk)[0]
            #expect(letter.message == BrokerMessage(topic: "orders.DLQ", key: poison.key, headers: poison.headers, body: poison.body))
            try await broker.publish([message(1, 8)])
            #expect(try await take(1, member).compactMap(number) == [8])
        }
    }

    @Test("leaves a backlog of 100,000 messages where it is, but for the prefetch")
    func prefetch() async throws {
        var configuration = try TestServer.configuration()
        configuration.prefetch = 50
        try await withBroker(configuration, topology) { broker in
            for start in stride(from: 0, to: 100_000, by: 5000) { try await broker.publish((start..<start + 5000).map { message($0 % 500, $0) }) }
            let member = try #require(try await broker.subscribe(group: "billing", topics: ["orders"], member: "a") as? RabbitMQSubscription)
            try await eventually("the prefetch is full") { member.waitingMessages == 200 }
            let before = try await take(200, member)
            // Taken and not acknowledged counts as well: nothing more comes until it is.
            #expect(member.unacknowledgedMessages == 200)
            #expect(try await broker.lag(of: "billing") == 100_000)
            #expect(member.waitingMessages == 0)
            await member.acknowledge(before)
            try await eventually("the next ones have come") { member.waitingMessages == 200 }
            #expect(try await broker.lag(of: "billing") == 99_800)
        }
    }

    @Test("shares the partitions among members that come later, each key staying in order")
    func sharing() async throws {
        let configuration = try TestServer.configuration()
        try await withBroker(configuration, .orders(partitions: 8)) { broker in
            let shares = Shares()
            var subscriptions: [any BrokerSubscription] = []
            for name in ["a", "b", "c"] { subscriptions.append(try await broker.subscribe(group: "billing", topics: ["orders"], member: name)) }
            async let first: Void = shares.read(subscriptions[0], "a")
            async let second: Void = shares.read(subscriptions[1], "b")
            async let third: Void = shares.read(subscriptions[2], "c")
            var number = 0
            // In the end each has 2 or 3 of the 8; looked at anew until that is so.
            try await eventually("each has its share") {
                shares.forget()
                for _ in 0..<10 {
                    try await broker.publish((0..<64).map { message($0, number) })
                    number += 1
                }
                try await eventually("these are done") { try await broker.lag(of: "billing") == 0 }
                return shares.sizes.count == 3 && shares.sizes.reduce(0, +) == 8 && shares.sizes.min() == 2
            }
            #expect(shares.isInOrder)
            for subscription in subscriptions { await subscription.close() }
            _ = try await (first, second, third)
        }
    }

    @Test("makes a queue again that was deleted under its members")
    func deletedQueue() async throws {
        try await withBroker(try TestServer.configuration(), .orders(partitions: 1)) { broker in
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            try await broker.publish([message(1, 1)])
            await member.acknowledge(try await take(1, member))
            try await broker.removeQueue(of: "billing", topic: "orders", partition: 0)
            try await eventually("the queue is there again") { (try? await broker.publish([message(1, 2)])) != nil }
            let delivery = try await take(1, member)
            #expect(delivery.compactMap(number) == [2])
        }
    }

    @Test("notices a network that carries nothing any more, and comes back when it does")
    func deadNetwork() async throws {
        var configuration = try TestServer.configuration()
        (configuration.heartbeat, configuration.publishTimeout) = (.seconds(1), .seconds(2))
        let proxy = try CutProxy(to: configuration.endpoints[0].port)
        defer { proxy.cut() }
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        try await withBroker(configuration, topology) { broker in
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            try await broker.publish([message(1, 1)])
            await member.acknowledge(try await take(1, member))
            proxy.stall()
            async let noticed = #expect(throws: BrokerError.self) { _ = try await member.next(limit: 1) }
            await #expect(throws: BrokerError.self) { try await broker.publish([message(1, 2)]) }
            _ = await noticed
            proxy.cut()
            try proxy.restore()
            try await eventually("it is published") { (try? await broker.publish([message(1, 2)])) != nil }
            // The first one comes again where its acknowledgement was not carried any more.
            var last: Int?
            while last != 2 {
                let deliveries = try await take(1, member)
                last = deliveries.compactMap(number).last
                await member.acknowledge(deliveries)
            }
        }
    }

    @Test("ends a wait when its task is cancelled, and gives what comes later to the next who asks")
    func cancellation() async throws {
        try await withBroker(try TestServer.configuration(), topology) { broker in
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            let task = Task { try await member.next(limit: 1) }
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            try await broker.publish([message(1, 5)])
            #expect(try await take(1, member).compactMap(number) == [5])
        }
    }
}
