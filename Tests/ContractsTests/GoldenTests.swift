import Contracts
import Foundation
import TestDocuments
import Testing
import Wire

/// The JSON of every event, byte for byte, as files that other programs were written against. A file may be added, never changed or removed.
@Suite("Golden event files")
struct GoldenTests {
    private static var folder: URL { Bundle.module.bundleURL.appendingPathComponent("Golden") }

    private static func files() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).filter { $0.pathExtension == "json" }
    }
    private static func bytes(_ url: URL) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: url))
        return bytes.last == 10 ? bytes.dropLast() : bytes
    }

    @Test("every event has a sample here, so that none goes without a golden file")
    func samples() {
        #expect(Samples.envelopes.map(\.type) == EventCatalog.types.map { $0.type })
        #expect(Set(EventCatalog.types.map { $0.type }).count == EventCatalog.types.count)
    }

    @Test("every event is written exactly as its golden file says", arguments: Samples.envelopes.map(\.type))
    func bytes(_ type: String) throws {
        let envelope = try #require(Samples.envelopes.first { $0.type == type })
        let version = try #require(EventCatalog.registry[type]).schemaVersion
        let name = "\(type).v\(version).json"
        if Document.isRegenerating {
            let target = Document("Tests/ContractsTests/Golden/\(name)").url
            if !FileManager.default.fileExists(atPath: target.path) { try Data(envelope.body + [10]).write(to: target) }
            return
        }
        let golden = try GoldenTests.bytes(GoldenTests.folder.appendingPathComponent(name))
        #expect(String(decoding: envelope.body, as: UTF8.self) == String(decoding: golden, as: UTF8.self))
        #expect(envelope.body == golden)
    }

    @Test("every golden file of every version is still understood, and what was read is written as it was if the version is today's")
    func decoding() throws {
        let files = try GoldenTests.files()
        for schema in EventSchema.all(of: EventCatalog.types) {
            #expect(files.contains { $0.lastPathComponent == schema.fileName }, "no golden file of \(schema.type) version \(schema.version)")
        }
        for file in files {
            let bytes = try GoldenTests.bytes(file)
            let read = try Envelope(body: bytes, registry: EventCatalog.registry)
            let parts = file.deletingPathExtension().lastPathComponent.split(separator: ".")
            #expect(read.type == parts[0])
            guard parts[1] == "v\(Swift.type(of: read.event).schemaVersion)" else { continue }
            #expect(GoldenTests.rewritten(read, read.event) == bytes, "\(file.lastPathComponent)")
        }
    }

    private static func rewritten(_ envelope: Envelope, _ event: some Event) -> [UInt8] {
        Envelope(
            id: envelope.id, source: envelope.source, key: envelope.key, version: envelope.version, correlationID: envelope.correlationID,
            causationID: envelope.causationID, time: envelope.time, event: event
        ).body
    }

    @Test("a reader ignores members that it does not know, as newer writers add them")
    func additions() throws {
        for envelope in Samples.envelopes {
            let body = Array(envelope.body.dropLast()) + Array(#","addedLater":{"a":[1,null]}}"#.utf8)
            let read = try Envelope(body: body, registry: EventCatalog.registry)
            #expect(GoldenTests.rewritten(read, read.event) == envelope.body)
        }
    }

    @Test("no member of an event can be missing without the reader saying so, unless it is optional")
    func omissions() throws {
        let optional: Set<String> = ["causationId", "version", "oldStatus", "customerId", "shippingCountry"]
        for envelope in Samples.envelopes {
            let object = try #require(try JSONParser.parse(envelope.body).object)
            for member in object.members where !optional.contains(member.key) {
                let rest = JSONObject(members: object.members.filter { $0.key != member.key })
                var json = JSONWriter()
                json.value(.object(rest))
                let bytes = json.bytes
                #expect(throws: (any Error).self, "\(envelope.type) without \(member.key)") { try Envelope(body: bytes, registry: EventCatalog.registry) }
            }
        }
    }
}

/// One instance of every event with fixed ids and times, in the catalogue's order.
enum Samples {
    static func id(_ number: UInt64) -> Identifier { Identifier(high: 0x019a_a3c4_9c00_7000 + number, low: 0x8000_0000_0000_0000 + number) }
    private static let time = Timestamp(milliseconds: 1_763_730_309_250)
    private static let pounds = Money(minorUnits: 123_456, currency: currency("GBP"))
    private static let yen = currency("JPY")
    private static func currency(_ code: String) -> Currency {
        guard let currency = Currency(code) else { preconditionFailure("\(code) is a currency") }
        return currency
    }
    private static let held = [
        StockReservation(productID: id(11), sku: "85123A", quantity: 6, reservationID: id(21)),
        StockReservation(productID: id(12), sku: "caf\u{E9} \"blue\"", quantity: 1, reservationID: id(22)),
    ]

    static let envelopes: [Envelope] = [
        wrap(
            OrderCreated(
                customerID: "17850",
                lines: [
                    OrderLine(productID: id(11), sku: "85123A", quantity: 6, price: Money(minorUnits: 255, currency: pounds.currency)),
                    OrderLine(productID: nil, sku: "caf\u{E9} \"blue\"", quantity: 1, price: Money(minorUnits: 121_926, currency: pounds.currency)),
                ], total: pounds, shippingCountry: "United Kingdom", paymentMethod: "test_approve", placedAt: Timestamp(milliseconds: 1_291_191_960_000)), 1),
        wrap(OrderReserved(change: StatusChange(from: .created, to: .reserved)), 2),
        wrap(OrderConfirmed(change: StatusChange(from: .reserved, to: .paid), customerID: "17850", total: pounds, isPaidOffline: false), 3),
        wrap(OrderShipped(change: StatusChange(from: .paid, to: .shipped), customerID: "17850"), 4),
        wrap(OrderDelivered(change: StatusChange(from: .shipped, to: .delivered), customerID: nil), 5),
        wrap(OrderCancellationRequested(change: StatusChange(from: .paid, to: .cancelling), reason: "customer"), 4),
        wrap(OrderCancelled(change: StatusChange(from: .cancelling, to: .cancelled), customerID: "17850", reason: "customer"), 5),
        wrap(OrderFailed(change: StatusChange(from: .reserved, to: .failed), customerID: "17850", reason: "card_declined"), 3),
        wrap(InventoryReserved(reservations: held, total: pounds, paymentMethod: "test_approve")),
        wrap(
            InventoryInsufficient(shortages: [
                StockShortage(productID: id(11), sku: "85123A", requested: 6, available: 2),
                StockShortage(productID: nil, sku: "unknown", requested: 1, available: 0),
            ])),
        wrap(InventoryReleased(reservations: held, reason: "cancellation")),
        wrap(StockAdjusted(sku: "85123A", delta: -3, available: 97, reason: "broken")),
        wrap(PaymentProcessed(paymentID: id(31), amount: pounds, paymentMethod: "test_approve")),
        wrap(PaymentFailed(paymentID: id(31), reason: "card_declined")),
        wrap(PaymentVoided(paymentID: id(31))),
        wrap(PaymentRefunded(paymentID: id(31), amount: Money(minorUnits: 500, currency: yen))),
        wrap(NotificationSent(notificationID: id(41), kind: .confirmation, channel: "log")),
        wrap(NotificationFailed(notificationID: id(41), kind: .refund, channel: "email", reason: "mailbox unavailable")),
    ]

    private static func wrap(_ event: some Event, _ version: Int64? = nil) -> Envelope {
        Envelope(
            id: id(1), source: type(of: event).topic, key: id(2), version: version, correlationID: id(3), causationID: version == 1 ? nil : id(4), time: time,
            event: event)
    }
}
