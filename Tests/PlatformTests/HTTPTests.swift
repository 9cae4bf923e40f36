import Foundation
import Testing
import WaybillClient
import Wire

/// The edge: every bad input has its answer, none is a 5xx.
@Suite struct HTTPTests {
    @Test(arguments: [
        ("", 400, ""), ("{", 400, ""), ("[]", 422, ""), (#"{"currency":"GBP","currency":"EUR","items":[]}"#, 400, ""), (#"{"a":"\u0000"}"#, 400, ""),
        ("\u{FEFF}{}", 400, ""), (#"{"items":[{"sku":"TEA","quantity":1}]}"#, 422, "/currency"), (#"{"currency":"GBP"}"#, 422, "/items"),
        (#"{"currency":"gbp","items":[{"sku":"TEA","quantity":1}]}"#, 422, "/currency"), (#"{"currency":"GBP","items":[]}"#, 422, "/items"),
        (#"{"currency":"GBP","items":[{"quantity":1}]}"#, 422, "/items/0"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":0}]}"#, 422, "/items/0/quantity"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1.5}]}"#, 422, "/items/0/quantity"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1000001}]}"#, 422, "/items/0/quantity"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":99999999999999999999}]}"#, 422, "/items/0/quantity"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1,"price":"1.999"}]}"#, 422, "/items/0/price"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1,"price":-1}]}"#, 422, "/items/0/price"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1,"price":1e99}]}"#, 422, "/items/0/price"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1000000,"price":"9999999999.99"}]}"#, 422, "/items/0"),
        (#"{"currency":"GBP","items":[{"sku":"NONE","quantity":1}]}"#, 422, "/items/0/sku"),
        (#"{"currency":"EUR","items":[{"sku":"TEA","quantity":1}]}"#, 422, "/items/0"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"shipingCountry":"GB"}"#, 422, "/shipingCountry"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"placedAt":"2999-01-01T00:00:00Z"}"#, 422, "/placedAt"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"paymentMethod":"4242424242424242"}"#, 422, "/paymentMethod"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"metadata":{"a":1}}"#, 422, "/metadata/a"),
        (#"{"currency":"GBP","items":[{"sku":"TEA","quantity":1}],"customerId":"a\nb"}"#, 422, "/customerId"),
    ])
    func `a bad order is refused with the place of the mistake`(body: String, status: Int, pointer: String) async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 1_000_000)
            let answer = try await shop.send("POST", "/orders", body)
            #expect(answer.status == status, "\(answer.json)")
            #expect(answer.headers("Content-Type") == "application/problem+json")
            if !pointer.isEmpty { #expect(answer.json["errors"]?[0]?["pointer"] == .string(pointer), "\(answer.json)") }
        }
    }

    @Test func `orders of 2,000 lines are accepted and of 2,001 refused`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 1_000_000, price: "0.01")
            func body(_ lines: Int) -> String {
                #"{"currency":"GBP","items":["# + Array(repeating: #"{"sku":"TEA","quantity":1}"#, count: lines).joined(separator: ",") + "]}"
            }
            let accepted = try await shop.send("POST", "/orders", body(2000))
            #expect(accepted.status == 202)
            try await shop.eventually(accepted.json["id"]?.string ?? "", is: "PAID")
            #expect(try await shop.send("POST", "/orders", body(2001)).status == 422)
        }
    }

    @Test func `wrong paths, methods, types and sizes have their own answers`() async throws {
        try await RunningPlatform.with { shop in
            #expect(try await shop.send("GET", "/nothing").status == 404)
            let wrong = try await shop.send("DELETE", "/orders")
            #expect(wrong.status == 405)
            #expect(wrong.headers("Allow") == "GET, HEAD, POST")
            #expect(try await shop.send("POST", "/orders", "a=b", headers: [("Content-Type", "text/plain")]).status == 415)
            #expect(try await shop.send("POST", "/orders", String(repeating: " ", count: 1_100_000)).status == 413)
            #expect(try await shop.send("GET", "/orders/not-a-uuid").status == 404)
            #expect(try await shop.send("GET", "/orders/01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6").status == 404)
            for query in ["limit=0", "limit=501", "limit=x", "status=NOPE", "cursor=zzz", "from=yesterday", "unknown=1", "limit=1&limit=2", "from=%zz"] {
                #expect(try await shop.send("GET", "/orders?\(query)").status == 400, "\(query)")
            }
            #expect(try await shop.send("GET", "/api/orders").status == 200)
            #expect(try await shop.send("GET", "/health/live").status == 200)
            #expect(try await shop.send("GET", "/health/ready").json["status"] == .string("UP"))
            #expect(try await shop.send("GET", "/metrics").status == 200)
        }
    }

    @Test func `mutated bodies never bring the platform down`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 1_000_000)
            let seed = Array(
                #"{"currency":"GBP","customerId":"a","items":[{"sku":"TEA","quantity":2,"price":"4.50"}],"metadata":{"k":"v"},"placedAt":"2026-01-01T00:00:00Z"}"#
                    .utf8)
            var random = SystemRandomNumberGenerator()
            let interesting = Array(#"{}[]",:\0-9eE.u€"#.utf8)
            for _ in 0..<400 {
                var body = seed
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: body.indices, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: body[index] = interesting.randomElement(using: &random) ?? 0
                    case 1: body.remove(at: index)
                    default: body.insert(interesting.randomElement(using: &random) ?? 0, at: index)
                    }
                }
                let sent = body
                let response = try await shop.client.send(
                    ClientRequest(method: "POST", path: "/api/v1/orders", headers: [("Content-Type", "application/json")], body: sent))
                #expect([202, 400, 409, 422].contains(response.status), "\(response.status) for \(String(decoding: sent, as: UTF8.self))")
            }
        }
    }

    @Test func `a hundred requests with one key make one order, another body is refused`() async throws {
        // What is tested here is the key, not the gate, which would refuse some of a hundred on a machine that is busy with other tests.
        try await RunningPlatform.with(RunningPlatform.patient) { shop in
            try await shop.product("TEA", units: 100)
            let answers = try await withThrowingTaskGroup(of: RunningPlatform.Answer.self) { group in
                for _ in 0..<100 { group.addTask { try await shop.place("TEA", key: "one") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.status)).isSubset(of: [202, 409]))
            #expect(Set(answers.compactMap { $0.json["id"]?.string }).count == 1)
            let again = try await shop.place("TEA", key: "one")
            #expect(again.status == 202)
            #expect(again.headers("Idempotency-Replayed") == "true")
            #expect(try await shop.place("TEA", quantity: 2, key: "one").status == 422)
            #expect(try await shop.send("GET", "/orders").json["items"]?.array?.count == 1)
        }
    }

    @Test func `what is asked before an order follows every change of price and stock`() async throws {
        try await RunningPlatform.with { shop in
            let id = try await shop.product("TEA", units: 3)
            @Sendable func ask() async throws -> [JSONValue?] {
                let json = try await shop.send("POST", "/inventory/availability", #"{"items":[{"sku":"TEA","quantity":1}]}"#).json
                return [json["available"], json["items"]?[0]?["availableQuantity"], json["items"]?[0]?["price"]]
            }
            #expect(try await ask() == [.bool(true), .number("3"), .string("4.50")])
            let order = try await shop.order("TEA", quantity: 3)
            try await shop.eventually(order, is: "PAID")
            #expect(try await ask() == [.bool(false), .number("0"), .string("4.50")])
            #expect(try await shop.send("POST", "/inventory/products/\(id)/adjustments", #"{"delta":5,"reason":"delivery"}"#).status == 201)
            #expect(try await shop.send("PUT", "/inventory/products/\(id)", #"{"name":"Tea","price":"5.00","currency":"GBP"}"#).status == 200)
            #expect(try await ask() == [.bool(true), .number("5"), .string("5.00")])
            let products = #"{"products":[{"sku":"TEA","name":"Tea","price":"6.00","currency":"GBP"}]}"#
            #expect(try await shop.send("PUT", "/inventory/products", products).status == 200)
            #expect(try await ask() == [.bool(true), .number("5"), .string("6.00")])
            #expect(try await shop.send("POST", "/orders/\(order)/cancel").status == 202)
            try await shop.eventually("the cancelled units are back") { try await ask()[1] == .number("8") }
        }
    }

    @Test func `an order that a client has is not sent again, and the connection goes on`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 100)
            let placed = try await shop.place("TEA")
            #expect(placed.headers("Waybill-Version") == "1")
            let id = placed.json["id"]?.string ?? ""
            try await shop.eventually(id, is: "PAID")
            let order = try await shop.send("GET", "/orders/\(id)")
            #expect(order.headers("Waybill-Version") == "3")
            let tag = order.headers("ETag") ?? ""
            #expect(tag == #"W/"3""#)
            for _ in 0..<3 {
                let again = try await shop.send("GET", "/orders/\(id)", headers: [("If-None-Match", tag)])
                #expect(again.status == 304)
                #expect(again.json == .null)
                #expect(again.headers("Transfer-Encoding") == nil)
                #expect(try await shop.send("GET", "/orders/\(id)", headers: [("Waybill-Min-Version", "3")]).json["status"] == .string("PAID"))
            }
            #expect(try await shop.send("GET", "/orders/\(id)", headers: [("Waybill-Min-Version", "x")]).status == 400)
        }
    }

    @Test func `lists are paged and filtered`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 100)
            var ids: [String] = []
            for index in 0..<7 { ids.append(try await shop.order("TEA", extra: #","customerId":"c\#(index % 2)""#)) }
            var seen: [String] = []
            var cursor = ""
            repeat {
                let page = try await shop.send("GET", "/orders?limit=3\(cursor.isEmpty ? "" : "&cursor=\(cursor)")").json
                seen += page["items"]?.array?.compactMap { $0["id"]?.string } ?? []
                cursor = page["nextCursor"]?.string ?? ""
            } while !cursor.isEmpty
            #expect(seen == ids.reversed())
            #expect(try await shop.send("GET", "/orders?customerId=c1").json["items"]?.array?.count == 3)
            #expect(try await shop.send("GET", "/orders?to=2020-01-01").json["items"]?.array?.isEmpty == true)
        }
    }

    @Test func `the stream of an order tells the whole story`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 100)
            let id = try await shop.order("TEA")
            var types: [String] = []
            for try await event in shop.client.events("/api/v1/orders/\(id)/stream") {
                types.append(event.event)
                if event.event == "NotificationSent" { break }
            }
            #expect(types.first == "OrderCreated")
            #expect(Set(types) == ["OrderCreated", "InventoryReserved", "OrderReserved", "PaymentProcessed", "OrderConfirmed", "NotificationSent"])
        }
    }
}
