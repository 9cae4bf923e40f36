import Messaging
import Testing
import Wire

@testable import BrokerRabbitMQ

@Suite("RabbitMQ's exchanges and queues")
struct QueueLayoutTests {
    private let layout: QueueLayout
    private let topology = BrokerTopology(
        topics: ["orders", "notifications", "orders.DLQ"], groups: [.init(name: "billing", topics: ["orders"]), .init(name: "audit", topics: ["orders.DLQ"])],
        partitions: 4)

    init() throws { layout = QueueLayout(try RabbitMQConfiguration(url: "amqp://host")) }

    @Test("have names that tell what they are for")
    func names() {
        #expect(layout.exchange("orders") == "waybill.orders")
        #expect(layout.queue("billing", "orders", 3).name == "waybill.billing.orders.3")
        #expect(layout.queue("billing", "orders", 3).label == "orders/3")
        #expect(layout.queues("billing", topics: ["orders", "stock"], partitions: 2).map(\.label) == ["orders/0", "orders/1", "stock/0", "stock/1"])
    }

    @Test("include a dead-letter topic for every topic, and keep what no group listens to")
    func keeping() {
        #expect(layout.topics(topology) == ["orders", "notifications", "orders.DLQ", "notifications.DLQ"])
        #expect(layout.keptTopics(topology) == ["notifications", "orders.DLQ", "notifications.DLQ"])
    }

    @Test("lose nothing: quorum queues with one active consumer and dead-lettering at least once")
    func arguments() {
        let arguments = layout.arguments("orders")
        for expected in [
            AMQPField("x-queue-type", .text("quorum")), AMQPField("x-single-active-consumer", .flag(true)), AMQPField("x-delivery-limit", .integer(100_000)),
            AMQPField("x-dead-letter-exchange", .text("waybill.orders.DLQ")), AMQPField("x-dead-letter-strategy", .text("at-least-once")),
            AMQPField("x-overflow", .text("reject-publish")),
        ] { #expect(arguments.contains(expected), "\(expected.name)") }
        #expect(!layout.arguments("orders.DLQ").contains { $0.name.hasPrefix("x-dead-letter") }, "dead letters are not dead-lettered again")
    }

    @Test("are refused where RabbitMQ could not have them")
    func refused() {
        for topology in [
            BrokerTopology(topics: ["t"], groups: [], partitions: 0), BrokerTopology(topics: ["t"], groups: [], partitions: 1001),
            BrokerTopology(topics: [String(repeating: "t", count: 250)], groups: [], partitions: 1),
            BrokerTopology(topics: ["a", "b", "c"], groups: [.init(name: "g", topics: ["a", "b", "c"])], partitions: 1000),
        ] { #expect(throws: BrokerError.self) { try layout.validate(topology) } }
        #expect(throws: Never.self) { try layout.validate(topology) }
    }

    @Test("may have other bounds than ours, but not be of another kind")
    func tolerance() {
        let words = "PRECONDITION_FAILED - inequivalent arg '%' for queue 'waybill.billing.orders.0' in vhost '/'"
        for name in ["x-delivery-limit", "x-dead-letter-exchange", "x-queue-leader-locator"] {
            #expect(TopologyMaker.isTolerable(words.replacing("%", with: name)))
        }
        for name in ["x-queue-type", "x-single-active-consumer", "durable"] { #expect(!TopologyMaker.isTolerable(words.replacing("%", with: name))) }
    }

    @Test(
        "divide keys as Kafka's default partitioner does",
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536), ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func murmur(_ text: String, _ hash: Int32) {
        var text = text
        let found = text.withUTF8 { Partitioner.murmur2($0) }
        #expect(Int32(bitPattern: found) == hash)
    }

    @Test("get about as many keys each")
    func spread() {
        var counts = [Int](repeating: 0, count: 8)
        for index: UInt64 in 0..<4000 {
            let key = Identifier(high: 0x0192_8f00_0000_7000 | index & 0xFFF, low: 0x8000_0000_0000_0000 | index)
            counts[Partitioner.partition(of: key, of: 8)] += 1
        }
        #expect(counts.allSatisfy { (350...650).contains($0) }, "\(counts)")
    }

    @Test("refuse messages that AMQP cannot carry")
    func objections() {
        func objection(_ headers: [BrokerMessage.Header], _ bytes: Int = 0) -> String? {
            let message = BrokerMessage(topic: "t", key: Identifier(high: 0, low: 0), headers: headers, body: [UInt8](repeating: 0, count: bytes))
            return MessageForm.objection(to: message, maximumBytes: 100)
        }
        #expect(objection([.init("id", "1")], 100) == nil)
        #expect(objection([], 101) != nil)
        #expect(objection([.init(String(repeating: "n", count: 250), "")]) != nil)
        #expect(objection([.init("long", String(repeating: "v", count: 100_000))]) != nil)
    }

    @Test("are judged by the broker's version")
    func versions() throws {
        let configuration = try RabbitMQConfiguration(url: "amqp://u:secret@host")
        for version in ["3.10.8", "3.13", "4.0.1", "3.10.0-rc.1"] {
            #expect(RabbitMQBroker.server(("RabbitMQ", version), configuration).verdict == .ok, "\(version)")
        }
        for version in ["3.9.29", "2.8", "?", ""] { #expect(RabbitMQBroker.server(("RabbitMQ", version), configuration).verdict == .warn, "\(version)") }
        #expect(RabbitMQBroker.server(("LavinMQ", "9.9"), configuration).verdict == .warn)
        #expect(!RabbitMQBroker.server(("RabbitMQ", "4.0"), configuration).words.contains("secret"))
    }

    @Test("fail in the port's words: what may work later, and what will not")
    func faults() {
        func isUnavailable(_ fault: AMQPFault) -> Bool { if case .unavailable = fault.brokerError { true } else { false } }
        #expect(isUnavailable(.lost("gone")))
        #expect(isUnavailable(.connectionClosed(code: 320, text: "CONNECTION_FORCED - broker forced connection closure")))
        #expect(isUnavailable(.connectionClosed(code: 530, text: "NOT_ALLOWED - access to vhost 'shop' refused for user 'u': vhost 'shop' is down")))
        #expect(isUnavailable(.channelClosed(channel: 1, code: 541, text: "INTERNAL_ERROR")))
        #expect(!isUnavailable(.connectionClosed(code: 530, text: "NOT_ALLOWED - vhost shop not found")))
        #expect(!isUnavailable(.connectionClosed(code: 403, text: "ACCESS_REFUSED")))
        for code in [403, 404, 405, 406] { #expect(!isUnavailable(.channelClosed(channel: 1, code: code, text: ""))) }
    }
}
