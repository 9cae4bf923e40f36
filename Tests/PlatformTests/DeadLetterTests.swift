import Foundation
import Messaging
import Platform
import Storage
import StorageSQLite
import Testing
import WaybillClient
import Wire

/// The computer's clock, fifty times as fast: what takes seconds in life takes no time in a test.
struct FastClock: WallClock {
    private static let factor = 50
    private let begun = ContinuousClock.now
    private let start = SystemClock().now()

    func now() -> Timestamp {
        let (seconds, attoseconds) = ((ContinuousClock.now - begun) * FastClock.factor).components
        return start.advanced(byMilliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration / FastClock.factor) }
}

/// Dead letters through the whole platform: events that no client could have caused are put into an outbox by hand.
@Suite struct DeadLetterTests {
    private static let path = "/admin/dead-letters"

    /// Runs a platform in which three orders of seven units were accepted, which Inventory's database refuses.
    private func withDeadLetters(_ body: @escaping @Sendable (RunningPlatform, _ letters: [JSONValue]) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try await RunningPlatform.with(folder: folder) { try await $0.product("TEA", units: 10) }
            let orders = try SQLiteDatabase(name: "orders", path: "\(folder)/orders.sqlite")
            let insert = SQL("INSERT INTO outbox (type, key, body) VALUES ('OrderCreated', $1, $2)")
            let rows = (1...3).map { DeadLetterTests.row($0) }
            try await orders.write { try $0.execute(insert, each: rows) }
            await orders.close()
            let inventory = try SQLiteDatabase(name: "inventory", path: "\(folder)/inventory.sqlite")
            try await inventory.write { _ = try $0.execute(DeadLetterTests.rule) }
            await inventory.close()
            try await RunningPlatform.with(folder: folder, clock: FastClock()) { shop in
                try await shop.eventually("three events are dead") {
                    try await shop.send("GET", "\(DeadLetterTests.path)?consumer=inventory").json["items"]?.array?.count == 3
                }
                try await body(shop, try await shop.send("GET", "\(DeadLetterTests.path)?consumer=inventory").json["items"]?.array ?? [])
            }
        }
    }

    private static let rule = SQL(
        """
        CREATE TRIGGER no_sevens BEFORE INSERT ON reservation_lines WHEN NEW.quantity = 7 BEGIN SELECT RAISE(ABORT, 'nobody may have 7 units'); END
        """)

    private static func row(_ number: Int) -> [SQLValue] {
        let now = SystemClock().now()
        let order = Identifier(high: UInt64(now.milliseconds) << 16 | 0x7000, low: 0x8000_0000_0000_0000 | UInt64(number))
        let event = Identifier(high: order.high, low: order.low | 0x100)
        let body = """
            {"eventId":"\(event)","type":"OrderCreated","schemaVersion":1,"source":"orders","orderId":"\(order)","timestamp":"\(now)",\
            "correlationId":"\(event)","version":1,"oldStatus":null,"newStatus":"CREATED","customerId":"alice","items":[{"sku":"TEA","quantity":7,\
            "price":"4.50"}],"totalAmount":"4.50","currency":"GBP","paymentMethod":"test_approve","placedAt":"\(now)"}
            """
        return [.id(order), .bytes(Array(body.utf8))]
    }

    /// The event of a dead letter with another quantity.
    private static func edited(_ shop: RunningPlatform, _ id: String, quantity: Int) async throws -> String {
        var json = JSONWriter()
        json.value(try await shop.send("GET", "\(path)/\(id)").json["event"] ?? .null)
        return String(decoding: json.bytes, as: UTF8.self).replacing(#""quantity":7"#, with: #""quantity":\#(quantity)"#)
    }

    @Test func `an operator finds out what is wrong, tries the repair, and applies it once`() async throws {
        try await withDeadLetters { shop, letters in
            let path = DeadLetterTests.path
            let groups = try await shop.send("GET", "\(path)?groupBy=error&consumer=inventory").json
            #expect(groups["total"]?.integer == 3 && groups["items"]?.array?.count == 1, "\(groups)")
            #expect(groups["items"]?[0]?["error"]?.string?.contains("nobody may have # units") == true, "\(groups)")

            let id = letters[0]["id"]?.string ?? ""
            let shown = try await shop.send("GET", "\(path)/\(id)").json
            #expect(shown["failures"]?.array?.count == 4)
            #expect(shown["headers"]?["ce-id"] == shown["eventId"] && shown["headers"]?["ce-source"] == .string("orders"))
            #expect(shown["timeline"]?[0]?["type"] == .string("OrderCreated"))

            let again = try await shop.send("POST", "\(path)/\(id)/redrive", headers: [("X-Waybill-Actor", "ada")])
            #expect(again.status == 422 && again.json["type"]?.string?.hasSuffix("redrive-failed") == true, "\(again.json)")
            #expect(again.json["deadLetter"]?["attempts"]?.integer == 5)

            let event = try await DeadLetterTests.edited(shop, id, quantity: 2)
            let rehearsal = try await shop.send("POST", "\(path)/\(id)/dry-run", #"{"event":\#(event)}"#).json
            #expect(rehearsal["applies"] == .bool(true), "\(rehearsal)")
            #expect(rehearsal["events"]?.array?.compactMap { $0["type"]?.string } == ["InventoryReserved"])
            let tables = Set(rehearsal["writes"]?.array?.compactMap { $0["table"]?.string } ?? [])
            #expect(tables == ["products", "reservations", "reservation_lines", "outbox"])
            let stock = "/inventory/products?sku=TEA"
            #expect(try await shop.send("GET", stock).json["items"]?[0]?["reservedQuantity"]?.integer == 0)

            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let headers = [("X-Waybill-Actor", "editor \(number)")]
                        return try await shop.send("POST", "\(path)/\(id)/edit-and-redrive", #"{"event":\#(event)}"#, headers: headers).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.sorted() == [200] + Array(repeating: 409, count: 19))
            #expect(try await shop.send("GET", stock).json["items"]?[0]?["reservedQuantity"]?.integer == 2)
            let order = shown["orderId"]?.string ?? ""
            try await shop.eventually("it is told") { try await shop.timeline(order).contains("InventoryReserved") }
            let kept = try await shop.send("GET", "\(path)/\(id)").json
            #expect(kept["state"] == .string("redriven") && kept["edited"] == .bool(true))
            #expect(kept["original"]?["items"]?[0]?["quantity"]?.integer == 7 && kept["event"]?["items"]?[0]?["quantity"]?.integer == 2)
            #expect(kept["actions"]?[0]?["after"]?["changes"]?[0]?["pointer"] == .string("/items/0/quantity"))
            #expect(kept["actions"]?[1]?["actor"] == .string("ada"))
            // No such order is known to Orders: the answer is the next dead letter, in another consumer.
            try await shop.eventually("the answer dies") {
                try await shop.send("GET", "\(path)?consumer=orders&error=no%20order").json["items"]?[0]?["orderId"] == .string(order)
            }
        }
    }

    @Test func `many are counted, redriven until they keep failing, and put aside, all on record`() async throws {
        try await withDeadLetters { shop, letters in
            let path = DeadLetterTests.path
            let preview = try await shop.send("POST", "\(path)/redrive", #"{"consumer":"inventory","preview":true}"#)
            #expect(preview.status == 200 && preview.json["total"]?.integer == 3)
            let begun = try await shop.send(
                "POST", "\(path)/redrive", #"{"consumer":"inventory","rate":100,"stopAfter":2}"#, headers: [("X-Waybill-Actor", "ada")])
            #expect(begun.status == 202, "\(begun.json)")
            let run = begun.headers("Location") ?? ""
            try await shop.eventually("it stops") { try await shop.send("GET", run).json["state"] == .string("stopped") }
            let end = try await shop.send("GET", run).json
            #expect(end["failed"]?.integer == 2 && end["redriven"]?.integer == 0 && end["total"]?.integer == 3)
            #expect(try await shop.send("GET", "\(path)/redrives").json["items"]?.array?.count == 1)

            let id = letters[2]["id"]?.string ?? ""
            #expect(try await shop.send("DELETE", "\(path)/\(id)").status == 400)
            #expect(try await shop.send("DELETE", "\(path)/\(id)?reason=placed%20anew").json["state"] == .string("archived"))
            let late = try await shop.send("POST", "\(path)/\(id)/redrive")
            #expect(late.status == 409 && late.json["deadLetter"]?["closedBy"] == .string("anonymous admin"))
            #expect(try await shop.send("GET", "\(path)?state=archived").json["items"]?.array?.count == 1)
            let metrics = try await shop.client.send(ClientRequest(path: "/metrics")).text
            #expect(metrics.contains(#"waybill_dead_letters_open{consumer="inventory"} 2"#))

            var actions: [String] = []
            var cursor = ""
            repeat {
                let page = try await shop.send("GET", "/admin/actions?limit=2\(cursor.isEmpty ? "" : "&cursor=\(cursor)")").json
                actions += page["items"]?.array?.compactMap { $0["action"]?.string } ?? []
                cursor = page["nextCursor"]?.string ?? ""
            } while !cursor.isEmpty
            #expect(
                actions == [
                    "dead-letter.archive", "dead-letters.redrive-end", "dead-letter.redrive", "dead-letter.redrive", "dead-letters.redrive", "create-product",
                ])
            #expect(try await shop.send("GET", "/admin/actions?actor=ada&action=dead-letter.redrive").json["items"]?.array?.count == 2)

            var seen: [String] = []
            cursor = ""
            repeat {
                let page = try await shop.send("GET", "\(path)?limit=1&state=all\(cursor.isEmpty ? "" : "&cursor=\(cursor)")").json
                seen += page["items"]?.array?.compactMap { $0["id"]?.string } ?? []
                cursor = page["nextCursor"]?.string ?? ""
            } while !cursor.isEmpty
            #expect(seen == letters.compactMap { $0["id"]?.string })
        }
    }

    @Test func `what makes no sense is refused with a problem`() async throws {
        try await RunningPlatform.with { shop in
            let path = DeadLetterTests.path
            for query in [
                "consumer=nobody", "consumer=", "state=dead", "olderThan=soon", "orderId=7", "from=yesterday", "groupBy=type", "limit=0", "cursor=zzz", "x=1",
            ] { #expect(try await shop.send("GET", "\(path)?\(query)").status == 400, "\(query)") }
            let unknown = "inventory:01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6"
            for id in ["nonsense", "inventory", "inventory:7", "nobody:01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6", unknown] {
                #expect(try await shop.send("GET", "\(path)/\(id)").status == 404, "\(id)")
                #expect(try await shop.send("POST", "\(path)/\(id)/redrive").status == 404, "\(id)")
                #expect(try await shop.send("POST", "\(path)/\(id)/dry-run").status == 404, "\(id)")
                #expect(try await shop.send("DELETE", "\(path)/\(id)?reason=x").status == 404, "\(id)")
            }
            for (body, pointer) in [
                (#"{}"#, "/event"), (#"{"event":[]}"#, "/event"), (#"{"event":{},"version":0}"#, "/version"), (#"{"event":{},"x":1}"#, "/x"),
            ] {
                let answer = try await shop.send("POST", "\(path)/\(unknown)/edit-and-redrive", body)
                #expect(answer.status == 422 && answer.json["errors"]?[0]?["pointer"] == .string(pointer), "\(answer.json)")
            }
            for (body, pointer) in [
                (#"{}"#, "/all"), (#"{"consumer":"nobody"}"#, "/consumer"), (#"{"all":true,"rate":0}"#, "/rate"),
                (#"{"all":true,"stopAfter":0}"#, "/stopAfter"),
                (#"{"olderThan":"x"}"#, "/olderThan"), (#"{"orderId":"x"}"#, "/orderId"), (#"{"all":1}"#, "/all"), (#"{"all":true,"state":"open"}"#, "/state"),
            ] {
                let answer = try await shop.send("POST", "\(path)/redrive", body)
                #expect(answer.status == 422 && answer.json["errors"]?[0]?["pointer"] == .string(pointer), "\(answer.json)")
            }
            let long = [("X-Waybill-Actor", String(repeating: "x", count: 101))]
            #expect(try await shop.send("POST", "\(path)/\(unknown)/redrive", headers: long).status == 400)
            #expect(try await shop.send("GET", "\(path)/redrives/7").status == 404)
            #expect(try await shop.send("DELETE", "\(path)/redrives/01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6").status == 404)
            #expect(try await shop.send("GET", "/admin/actions?x=1").status == 400)
            let nothing = try await shop.send("POST", "\(path)/redrive", #"{"all":true}"#)
            #expect(nothing.status == 202)
            try await shop.eventually("it finishes") { try await shop.send("GET", nothing.headers("Location") ?? "").json["state"] == .string("finished") }
        }
    }
}
