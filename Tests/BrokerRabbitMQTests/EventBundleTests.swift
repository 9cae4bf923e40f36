import Messaging
import Testing
import Wire

@testable import BrokerRabbitMQ

@Suite("Several events in one message")
struct EventBundleTests {
    private func event(_ key: Int, _ number: Int, topic: String = "orders", body: String? = nil, without missing: String = "") -> BrokerMessage {
        let id = Identifier(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key))
        let headers: [BrokerMessage.Header] = [
            .init("specversion", "1.0"), .init("id", "\(key)-\(number)"), .init("source", "/waybill/\"orders\""), .init("type", "Toy"),
            .init("subject", id.description), .init("content-type", "application/json"), .init("traceparent", "00-1-2-01"),
        ]
        let text = body ?? "{\"n\":\(number),\"t\":\"a]},{\\\"[\"}"
        return BrokerMessage(topic: topic, key: id, headers: headers.filter { $0.name != missing }, body: Array(text.utf8))
    }

    private func pack(_ messages: [BrokerMessage], partitions: Int = 1, events: Int = 32, bytes: Int = 32_768) -> [BrokerMessage] {
        EventBundle.pack(messages, partitions: partitions, events: events, bytes: bytes)
    }

    private func unpack(_ message: BrokerMessage) -> [BrokerMessage] {
        let arrived = ArrivedMessage(key: message.key, headers: message.headers, body: message.body)
        return (EventBundle.unpack(arrived) ?? [arrived]).map { BrokerMessage(topic: message.topic, key: $0.key, headers: $0.headers, body: $0.body) }
    }

    @Test("come back as they were, whatever their texts hold")
    func roundTrip() {
        let messages = [
            event(1, 1), event(2, 2, without: "subject"), event(1, 3, body: "12"), event(1, 4, body: "[ {} , \"\\\\\" ]"),
        ]
        let packed = pack(messages)
        #expect(packed.count == 1)
        #expect(packed[0].header("content-type") == "application/cloudevents-batch+json")
        #expect(packed.flatMap(unpack) == messages)
        #expect((try? JSONParser.parse(packed[0].body)) != nil, "any reader of JSON can read it")
    }

    @Test("are of one partition, in order, and no more than are wanted")
    func order() {
        let messages = (0..<500).map { event($0 % 9, $0, topic: $0 % 5 == 0 ? "stock" : "orders") }
        let packed = pack(messages, partitions: 4, events: 10)
        #expect(packed.count < 80)
        for message in packed {
            let events = unpack(message)
            #expect(events.count <= 10)
            #expect(Set(events.map { Partitioner.partition(of: $0.key, of: 4) }).count == 1)
        }
        let arrived = packed.flatMap(unpack)
        #expect(arrived.count == messages.count)
        for key in Set(messages.map(\.key)) {
            for topic in ["orders", "stock"] {
                func numbers(_ messages: [BrokerMessage]) -> [String?] { messages.filter { $0.key == key && $0.topic == topic }.map { $0.header("id") } }
                #expect(numbers(arrived) == numbers(messages))
            }
        }
        #expect(pack(messages, events: 1) == messages)
        let size = messages[0].body.count
        #expect(pack([event(1, 1), event(1, 2), event(1, 3)], bytes: size * 2).count == 2, "their size is bounded")
    }

    @Test(
        "go alone where they are no events in JSON, and what follows them stays behind them",
        arguments: ["not JSON", "{\"a\":1", "{\"a\":]}", "12 ", " 12", "", "{}{}", "\"open", "\"open\\", String(repeating: "[", count: 100)])
    func broken(_ body: String) {
        let messages = [event(1, 1), event(1, 2), event(1, 3, body: body), event(1, 4), event(1, 5)]
        let packed = pack(messages)
        #expect(packed.map { unpack($0).count } == [2, 1, 2])
        #expect(packed.flatMap(unpack) == messages)
    }

    @Test("leave out dead letters, and messages whose attributes are no CloudEvent's")
    func unsuitable() {
        #expect(pack([event(1, 1, topic: "orders.DLQ"), event(1, 2, topic: "orders.DLQ")]).count == 2)
        for missing in ["specversion", "id", "source", "type", "content-type"] {
            #expect(pack([event(1, 1, without: missing), event(1, 2, without: missing)]).count == 2, "\(missing)")
        }
        let odd = BrokerMessage(topic: "orders", key: event(1, 1).key, headers: event(1, 1).headers + [.init("X-Odd", "1")], body: [49])
        #expect(pack([odd, odd]).count == 2)
    }

    @Test(
        "are delivered as one where another program's bundle cannot be read",
        arguments: [
            "", "[", "[]", "[1]", "[{}]", "[{\"data\":1}", "[{\"data\":1},]", "[{\"data\":1}]x", "[{\"id\":\"1\"}]", "[{\"data\":1,\"data\":2}]",
            "[{\"id\":\"\\u00\",\"data\":1}]", "[{\"id\":\"\\", "{\"data\":1}",
            "[" + String(repeating: "{\"data\":1},", count: 2000) + "{\"data\":1}]",
        ])
    func hostile(_ body: String) {
        let headers = [BrokerMessage.Header("content-type", EventBundle.contentType)]
        #expect(EventBundle.unpack(ArrivedMessage(key: event(1, 1).key, headers: headers, body: Array(body.utf8))) == nil)
    }

    @Test("are read as other programs write them, with spaces, escapes and attributes that are no texts")
    func foreign() throws {
        let headers = [BrokerMessage.Header("content-type", EventBundle.contentType)]
        let body = " [ { \"id\" : \"a\\u0041\" , \"n\" : 5 , \"data\" : { \"x\" : 1 } } , {\"data\":null} ] "
        let events = try #require(EventBundle.unpack(ArrivedMessage(key: event(1, 1).key, headers: headers, body: Array(body.utf8))))
        #expect(events.map { String(decoding: $0.body, as: UTF8.self) } == ["{ \"x\" : 1 }", "null"])
        #expect(events[0].headers == [.init("id", "aA"), .init("n", "5")])
    }

    @Test("are acknowledged when the last of them is")
    func acknowledging() {
        var ledger = AckLedger()
        ledger.deliver(1, events: 3)
        ledger.deliver(2)
        let first = ledger.acknowledge([1, 1, 2])
        #expect(first == nil)
        #expect(ledger.outstanding == 2)
        let second = ledger.acknowledge([1])
        #expect(second == 2)
        #expect(ledger.outstanding == 0)
    }

    @Test("are handed out together where that is possible")
    func handingOut() async throws {
        let box = DeliveryBox()
        let message = event(1, 1)
        box.offer(
            [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)].map { tag, part in
                BrokerDelivery(
                    message: message, partition: "orders/0", session: 1, position: BundlePosition.make(tag, part: part), mayBeRepeated: false)
            })
        let first = try await box.next(limit: 4)
        #expect(first?.count == 2)
        let second = try await box.next(limit: 2)
        #expect(second?.map { BundlePosition.tag($0.position) } == [2, 2], "a message with more events than are wanted comes in pieces")
        let last = try await box.next(limit: 2)
        #expect(last?.count == 1)
    }
}
