import BrokerRabbitMQ
import Foundation
import Messaging
import Storage
import Synchronization
import Testing
import Wire

@Suite("RabbitMQ in trouble", .serialized, .enabled(if: OwnServer.isWanted, OwnServer.hint), .timeLimit(.minutes(5)))
struct OutageTests {
    private let topology = BrokerTopology.orders(partitions: 2)

    private func message(_ key: Int, _ number: Int, bytes: Int = 0) -> BrokerMessage {
        BrokerMessage(
            topic: "orders", key: Identifier(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key)), headers: [.init("id", "\(key)-\(number)")],
            body: Array("\(number)".utf8) + [UInt8](repeating: 32, count: bytes))
    }

    /// Publishes until it is done, as a relay does.
    private func publish(_ messages: [BrokerMessage], _ broker: RabbitMQBroker) async throws {
        while true {
            do { return try await broker.publish(messages) } catch BrokerError.unavailable { try await Task.sleep(for: .milliseconds(100)) }
        }
    }

    @Test("loses nothing when the broker is stopped and started, or crashes, and its queues are what they should be", arguments: [false, true])
    func restart(_ isCrash: Bool) async throws {
        try await OwnServer.with { server in
            let configuration = try TestServer.configuration(server.url)
            try await withBroker(configuration, topology) { broker in
                let queues = try await server.control("list_queues", "name", "type", "durable", "arguments")
                for words in [
                    "single-active-consumer\",true", "delivery-limit\",100000", "dead-letter-strategy\",\"at-least-once", "overflow\",\"reject-publish",
                ] {
                    #expect(queues.components(separatedBy: words).count == 3, "\(words) in \(queues)")
                }
                #expect(queues.components(separatedBy: "\tquorum\ttrue\t").count == 4)

                let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
                let reader = Reader()
                async let read: Void = reader.read(member)
                try await publish((0..<500).map { message($0 % 5, $0) }, broker)
                let names = queues.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) }.filter {
                    $0.hasPrefix(configuration.prefix)
                }
                try await eventually("the node has written down where its queues' logs are") { names.count >= 3 && server.remembers(names) }
                async let restarted: Void = isCrash ? server.crash() : restart(server)
                for number in stride(from: 500, to: 1500, by: 100) { try await publish((number..<number + 100).map { message($0 % 5, $0) }, broker) }
                try await restarted
                try await publish((1500..<2000).map { message($0 % 5, $0) }, broker)
                try await eventually("everything has come") { reader.distinct == 2000 }
                #expect(reader.losses > 0, "the member was told of the outage")
                for numbers in reader.firstTimes { #expect(numbers == numbers.sorted()) }
                await member.close()
                try await read
                try await eventually("nothing is left") { try await broker.lag(of: "billing") == 0 }
            }
        }
    }

    @Test("makes everything again on a node that has lost all its data, and no group misses what is published from then on")
    func lostData() async throws {
        try await OwnServer.with { server in
            var topology = topology
            topology.groups.append(.init(name: "audit", topics: ["orders"]))
            let configuration = try TestServer.configuration(server.url)
            try await withBroker(configuration, topology) { broker in
                let other = try RabbitMQBroker(configuration)
                try await other.open(topology)
                let members = [
                    try await broker.subscribe(group: "billing", topics: ["orders"], member: "a"),
                    try await other.subscribe(group: "audit", topics: ["orders"], member: "a"),
                ]
                let readers = [Reader(), Reader()]
                async let first: Void = readers[0].read(members[0])
                async let second: Void = readers[1].read(members[1])
                for broker in [broker, other] { try await publish((0..<10).map { message($0, 0) }, broker) }
                try await eventually("both read") { readers.allSatisfy { $0.distinct == 10 } }
                try await server.stop()
                try FileManager.default.removeItem(atPath: "\(server.folder)/rabbitmq/data")
                try await server.start()
                // Both publish at once: who comes second must not publish while the first is making exchanges and queues.
                async let published: Void = publish((0..<200).map { message($0 % 10, 1 + $0 / 10) }, broker)
                try await publish((0..<200).map { message(10 + $0 % 10, 1 + $0 / 10) }, other)
                try await published
                try await eventually("everything has come to both groups") { readers.allSatisfy { $0.distinct == 410 } }
                for member in members { await member.close() }
                _ = try await (first, second)
                await other.close()
            }
        }
    }

    private func restart(_ server: OwnServer) async throws {
        try await server.stop()
        try await server.start()
    }

    @Test("consumes while the broker is short of memory, says so to who publishes, and goes on when that is over")
    func alarm() async throws {
        try await OwnServer.with { server in
            var configuration = try TestServer.configuration(server.url)
            configuration.publishTimeout = .seconds(2)
            configuration.prefetch = 20
            try await withBroker(configuration, topology) { broker in
                try await broker.publish((0..<200).map { message($0 % 5, $0) })
                let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
                try await server.control("set_vm_memory_high_watermark", "absolute", "1MB")
                let error = await #expect(throws: BrokerError.self) {
                    // The alarm takes a moment to be raised.
                    for number in 0..<1000 { try await broker.publish([message(1, 1000 + number)]) }
                }
                guard case .unavailable(let words) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(words.contains("memory"), "\(words)")
                // More than the prefetch: so acknowledgements are read, and the queue can be emptied.
                let reader = Reader()
                async let read: Void = reader.read(member)
                try await eventually("what was there is consumed") { reader.distinct >= 200 }
                try await server.control("set_vm_memory_high_watermark", "absolute", "768MB")
                try await eventually("it can be published again") { (try? await broker.publish([message(1, 9999)])) != nil }
                await member.close()
                try await read
            }
        }
    }

    @Test("goes on when an operator closes its connections, and sees its members and alarms in an examination")
    func operators() async throws {
        try await OwnServer.with { server in
            let configuration = try TestServer.configuration(server.url)
            try await withBroker(configuration, topology) { broker in
                let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
                let reader = Reader()
                async let read: Void = reader.read(member)
                try await publish((0..<300).map { message($0 % 5, $0) }, broker)
                let connections = try await server.control("list_connections", "client_properties")
                for purpose in ["publisher", "requests", "billing/a"] { #expect(connections.contains("\(configuration.prefix) \(purpose)"), "\(connections)") }
                try await server.control("close_all_connections", "closed by a test")
                try await publish((300..<600).map { message($0 % 5, $0) }, broker)
                try await eventually("everything has come") { reader.distinct == 600 }
                let findings = await broker.examine(topology)
                #expect(findings.allSatisfy { $0.verdict == .ok }, "\(findings)")
                #expect(findings.contains { $0.name == "rabbitmq billing" && $0.words.contains("2 queues, 2 with a consumer") }, "\(findings)")
                await member.close()
                try await read

                try await broker.removeQueue(of: "billing", topic: "orders", partition: 1)
                #expect(await broker.examine(topology).contains { $0.verdict == .fail && $0.words.contains("1 of 2 queues are missing") })
                try await broker.removeExchange(of: "orders")
                #expect(await broker.examine(topology).contains { $0.verdict == .fail && $0.words == "missing: \(configuration.prefix).orders" })
                try await broker.open(.orders(partitions: 3))
                try await broker.open(.orders(partitions: 2))
                #expect(await broker.examine(topology).contains { $0.verdict == .warn && $0.words.contains("more than 2 partitions") })
            }
        }
    }

    @Test("speaks TLS with a broker whose certificate it can check, and with no other")
    func tls() async throws {
        try await OwnServer.with(tls: true) { server in
            func configuration(_ parameters: String, host: String = "localhost") throws -> RabbitMQConfiguration {
                try TestServer.configuration("amqps://guest:guest@\(host):\(server.tlsPort)/?\(parameters)")
            }
            let checked = "cacertfile=\(server.certificate("authority.pem"))"
            let known = "\(checked)&certfile=\(server.certificate("client.pem"))&keyfile=\(server.certificate("client.key"))"
            for parameters in [checked, known, "verify=verify_none"] {
                try await withBroker(try configuration(parameters), topology) { broker in
                    let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
                    let messages = (0..<300).map { message($0 % 5, $0, bytes: 5000) }
                    try await broker.publish(messages)
                    let reader = Reader()
                    async let read: Void = reader.read(member)
                    try await eventually("everything has come") { reader.distinct == messages.count }
                    await member.close()
                    try await read
                }
            }
            // The system's authorities do not know ours; a file that is none is our own mistake.
            let stranger = try RabbitMQBroker(try configuration(""))
            await #expect(throws: BrokerError.self) { try await stranger.open(topology) }
            await stranger.close()
            let mistaken = try RabbitMQBroker(try configuration("cacertfile=/nowhere.pem"))
            let error = await #expect(throws: BrokerError.self) { try await mistaken.open(topology) }
            if case .misconfigured = error {} else { Issue.record("\(String(describing: error))") }
            await mistaken.close()
        }
    }
}
