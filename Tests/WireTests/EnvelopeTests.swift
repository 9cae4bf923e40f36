import Testing
import Wire

@Suite("Envelope")
struct EnvelopeTests {
    struct Ping: Event {
        static let type = "Ping"
        static let topic = "pings"
        static let schemaVersion = 1
        static let shape = EventShape("A ping.", [.required("word", .text, "What it says.")])
        let word: String
        init(_ word: String) { self.word = word }
        func write(to json: inout JSONWriter) { json.member("word", word) }
        init(from json: JSONObject) throws { word = try json.string("word") }
    }
    struct Stock: Event {
        static let type = "Stock"
        static let topic = "stock"
        static let schemaVersion = 1
        static let keyName: StaticString = "productId"
        static let shape = EventShape("Stock.")
        init() {}
        func write(to json: inout JSONWriter) {}
        init(from json: JSONObject) throws {}
    }

    private let registry = EventRegistry([Ping.self, Stock.self])
    private func id(_ number: UInt64) -> Identifier { Identifier(high: 0, low: number) }

    private func body(_ change: (String) -> String) -> [UInt8] {
        let envelope = Envelope(id: id(1), source: "a", key: id(2), correlationID: id(3), time: Timestamp(milliseconds: 5), event: Ping("x"))
        return Array(change(String(decoding: envelope.body, as: UTF8.self)).utf8)
    }

    @Test("all that it says is read back from its body", arguments: [nil, 7] as [Int64?])
    func roundTrip(version: Int64?) throws {
        let envelope = Envelope(
            id: id(1), source: "orders", key: id(2), version: version, correlationID: id(3), causationID: version.map { _ in id(4) },
            time: Timestamp(milliseconds: 1_795_266_309_250),
            event: Ping("caf\u{E9} \"\n"))
        let read = try Envelope(body: envelope.body, registry: registry, sequence: 9)
        #expect(read.id == envelope.id)
        #expect(read.source == "orders")
        #expect(read.key == id(2))
        #expect(read.version == version)
        #expect(read.correlationID == id(3))
        #expect(read.causationID == envelope.causationID)
        #expect(read.time == envelope.time)
        #expect(read.type == "Ping")
        #expect(read.body == envelope.body)
        #expect(read.sequence == 9)
        #expect((read.event as? Ping)?.word == "caf\u{E9} \"\n")
        #expect(envelope.sequence == 0)
    }

    @Test("an event that is not about an order names its key as it likes")
    func key() throws {
        let envelope = Envelope(id: id(1), source: "inventory", key: id(2), correlationID: id(3), time: Timestamp(milliseconds: 5), event: Stock())
        let json = try #require(try JSONParser.parse(envelope.body).object)
        #expect(json["productId"]?.string == id(2).description)
        #expect(json["orderId"] == nil)
        #expect(try Envelope(body: envelope.body, registry: registry).key == id(2))
    }

    @Test("a newer schema and an unknown type are told apart from a broken body")
    func versions() throws {
        #expect(throws: UnknownEvent.self) { try Envelope(body: body { $0.replacing("\"schemaVersion\":1", with: "\"schemaVersion\":2") }, registry: registry) }
        #expect(throws: UnknownEvent.self) { try Envelope(body: body { $0.replacing("\"Ping\"", with: "\"Pong\"") }, registry: registry) }
        #expect(throws: UnknownEvent.self) { try Envelope(body: body { $0 }, registry: EventRegistry([Stock.self])) }
        #expect(throws: JSONMismatch.self) { try Envelope(body: body { $0.replacing("\"word\"", with: "\"sword\"") }, registry: registry) }
        #expect(throws: JSONMismatch.self) { try Envelope(body: body { $0.replacing("\"eventId\":\"0", with: "\"eventId\":\"x") }, registry: registry) }
        #expect(throws: JSONMismatch.self) { try Envelope(body: body { $0.replacing("\"schemaVersion\":1", with: "\"schemaVersion\":0") }, registry: registry) }
        #expect(throws: JSONMismatch.self) { try Envelope(body: body { $0.replacing("\"source\"", with: "\"version\":\"7\",\"source\"") }, registry: registry) }
        #expect(throws: JSONMismatch.self) { try Envelope(body: Array("[]".utf8), registry: registry) }
        #expect(throws: JSONSyntaxError.self) { try Envelope(body: [], registry: registry) }
    }
}
