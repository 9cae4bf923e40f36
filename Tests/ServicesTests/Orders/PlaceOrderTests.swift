import Contracts
import Testing
import Wire

@Suite("Placing an order", .timeLimit(.minutes(1)))
struct PlaceOrderTests {
    let bench: SagaBench

    init() async throws { bench = try await SagaBench() }

    private func post(_ body: String, key: String? = nil) async throws -> SagaBench.Answer {
        try await bench.send(bench.orders, "POST", "/orders", body, key: key)
    }

    @Test("an order is accepted with 202, its place and its event, in one transaction")
    func accepted() async throws {
        let product = try await bench.stock("A", 10)
        let answer = try await post(
            #"""
            {"customerId":"17850","currency":"GBP","shippingCountry":"France","paymentMethod":"test_approve","placedAt":"2010-12-01T08:26:00Z","metadata":{"gift":"yes"},
             "items":[{"productId":"\#(product)","quantity":2,"price":2.55},{"sku":"A","quantity":1}]}
            """#)
        #expect(answer.status == 202)
        let id = try #require(answer.text("id"))
        #expect(answer.headers[.location] == "/api/v1/orders/\(id)")
        #expect(answer.text("totalAmount") == "7.60")
        #expect(answer.text("status") == "CREATED")
        let event = try #require(try await bench.allEvents().last { $0.type == "OrderCreated" })
        let created = try #require(event.event as? OrderCreated)
        #expect(event.key.description == id)
        #expect(event.version == 1)
        #expect(event.correlationID == Identifier(high: 1, low: 2), "the request's identity goes with all that follows")
        #expect(created.total.amount == "7.60")
        #expect(created.lines.map(\.quantity) == [2, 1])
        #expect(created.lines.map(\.sku) == ["A", "A"])
        #expect(created.customerID == "17850")
        #expect(created.placedAt == Timestamp("2010-12-01T08:26:00Z"))
        let whole = try await bench.send(bench.orders, "GET", "/orders/{id}", id: id)
        #expect(whole.json["items"]?.array?.map { $0["price"]?.string } == ["2.55", "2.50"], "without a price, the catalogue's")
        #expect(whole.json["metadata"]?["gift"]?.string == "yes")
    }

    @Test(
        "every mistake in the body is told with its pointer",
        arguments: [
            (#"{}"#, ["/currency", "/items"]),
            (#"{"currency":"GBP"}"#, ["/items"]),
            (#"{"currency":"GBP","items":[]}"#, ["/items"]),
            (#"{"currency":"GBP","items":{}}"#, ["/items"]),
            (#"{"currency":"GBP","items":[1]}"#, ["/items/0"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1},"x",null]}"#, ["/items/1", "/items/2"]),
            (#"{"currency":"GBP","items":[{}]}"#, ["/items/0", "/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"quantity":1}]}"#, ["/items/0"]),
            (#"{"currency":"GBP","items":[{"sku":"A"}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":0}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":-1}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1000001}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1.5}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1e2}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":99999999999999999999}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":"1"}]}"#, ["/items/0/quantity"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":"-0.01"}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":"0.001"}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":10000000000.01}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":1e300}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":"one"}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":true}]}"#, ["/items/0/price"]),
            (#"{"currency":"JPY","items":[{"sku":"A","quantity":1,"price":"0.5"}]}"#, ["/items/0/price"]),
            (#"{"currency":"GBP","items":[{"sku":"","quantity":1}]}"#, ["/items/0/sku"]),
            (#"{"currency":"GBP","items":[{"sku":7,"quantity":1}]}"#, ["/items/0/sku"]),
            (#"{"currency":"GBP","items":[{"sku":"a\u0007","quantity":1}]}"#, ["/items/0/sku"]),
            (#"{"currency":"GBP","items":[{"productId":"A","quantity":1}]}"#, ["/items/0/productId"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1,"qty":2}]}"#, ["/items/0/qty"]),
            (#"{"currency":"GBP","items":[{"sku":"A","quantity":1}],"item":[],"a/b~c":1}"#, ["/item", "/a~1b~0c"]),
            (#"{"currency":"gbp","items":[{"sku":"A","quantity":1}]}"#, ["/currency"]),
            (#"{"currency":"XXX","items":[{"sku":"A","quantity":1}]}"#, ["/currency"]),
            (#"{"currency":"GBPP","items":[{"sku":"A","quantity":1}]}"#, ["/currency"]),
            ("{\"currency\":\"\u{212A}WD\",\"items\":[{\"sku\":\"A\",\"quantity\":1}]}", ["/currency"]),
            (#"{"currency":826,"items":[{"sku":"A","quantity":1}]}"#, ["/currency"]),
            (#"{"currency":"GBP","customerId":5,"items":[{"sku":"A","quantity":1}]}"#, ["/customerId"]),
            (#"{"currency":"GBP","shippingCountry":"","items":[{"sku":"A","quantity":1}]}"#, ["/shippingCountry"]),
            (#"{"currency":"GBP","placedAt":"yesterday","items":[{"sku":"A","quantity":1}]}"#, ["/placedAt"]),
            (#"{"currency":"GBP","placedAt":"2099-01-01T00:00:00Z","items":[{"sku":"A","quantity":1}]}"#, ["/placedAt"]),
            (#"{"currency":"GBP","placedAt":"1969-12-31T23:59:59Z","items":[{"sku":"A","quantity":1}]}"#, ["/placedAt"]),
            (#"{"currency":"GBP","paymentMethod":"4111111111111111","items":[{"sku":"A","quantity":1}]}"#, ["/paymentMethod"]),
            (#"{"currency":"GBP","paymentMethod":"4111-1111-1111-1111","items":[{"sku":"A","quantity":1}]}"#, ["/paymentMethod"]),
            (#"{"currency":"GBP","paymentMethod":"a b","items":[{"sku":"A","quantity":1}]}"#, ["/paymentMethod"]),
            (#"{"currency":"GBP","metadata":{"a":1},"items":[{"sku":"A","quantity":1}]}"#, ["/metadata/a"]),
            (#"{"currency":"GBP","metadata":[],"items":[{"sku":"A","quantity":1}]}"#, ["/metadata"]),
            (
                #"{"currency":"x","customerId":1,"items":[{"sku":"A","quantity":0},{"quantity":1,"price":""}]}"#,
                ["/currency", "/customerId", "/items/0/quantity", "/items/1"]
            ),
            (
                #"{"currency":"GBP","items":[{"sku":"unknown","quantity":1},{"sku":"A","quantity":1},{"productId":"0199a3c4-9c00-7000-8000-000000000000","quantity":1}]}"#,
                ["/items/0/sku", "/items/2/productId"]
            ),
            (#"{"currency":"EUR","items":[{"sku":"A","quantity":1}]}"#, ["/items/0"]),
        ])
    func invalid(body: String, pointers: [String]) async throws {
        _ = try await bench.stock("A", 10)
        let answer = try await post(body)
        #expect(answer.status == 422)
        #expect(answer.problem == "invalid-body")
        #expect(Set(answer.pointers) == Set(pointers))
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(try await bench.said(bench.orders).isEmpty)
    }

    @Test(
        "what is no JSON object is refused before it is looked at",
        arguments: [
            ("", 400, "malformed-json"), ("{", 400, "malformed-json"), ("{\"currency\":\"GBP\",\"currency\":\"EUR\"}", 400, "malformed-json"),
            (#"{"currency":"\u0000"}"#, 400, "malformed-json"), ("\u{FEFF}{}", 400, "malformed-json"), ("[]", 422, "invalid-body"),
            ("null", 422, "invalid-body"), ("{} {}", 400, "malformed-json"),
        ])
    func noObject(body: String, status: Int, problem: String) async throws {
        let answer = try await post(body)
        #expect(answer.status == status)
        #expect(answer.problem == problem)
    }

    @Test("a total is exact up to the largest amount and refused beyond it, without a trap")
    func bounds() async throws {
        _ = try await bench.stock("A", 1_000_000_000_000)
        func order(_ lines: [(quantity: Int, price: String)]) async throws -> SagaBench.Answer {
            let items = lines.map { #"{"sku":"A","quantity":\#($0.quantity),"price":"\#($0.price)"}"# }.joined(separator: ",")
            return try await post(#"{"currency":"GBP","items":[\#(items)]}"#)
        }
        let largest = try await order([(1_000_000, "10000.00")])
        #expect(largest.status == 202)
        #expect(largest.text("totalAmount") == "10000000000.00")
        #expect(try await order([(1_000_000, "10000.01")]).pointers == ["/items/0"])
        #expect(try await order([(1, "10000000000.00"), (1, "0.01")]).pointers == ["/items/1"])
        #expect(try await order([(1_000_000, "10000000000.00")]).pointers == ["/items/0"])
        #expect(try await order(Array(repeating: (1, "0.10"), count: 2000)).text("totalAmount") == "200.00")
        #expect(try await order(Array(repeating: (1, "0.10"), count: 2001)).pointers == ["/items"])
    }

    @Test("short stock is refused at once with every product that is short, repeated lines counted together")
    func shortStock() async throws {
        _ = try await bench.stock("A", 5)
        _ = try await bench.stock("B", 1)
        let answer = try await post(#"{"currency":"GBP","items":[{"sku":"A","quantity":3},{"sku":"B","quantity":2},{"sku":"A","quantity":3}]}"#)
        #expect(answer.status == 409)
        #expect(answer.problem == "insufficient-stock")
        let shortages = answer.json["shortages"]?.array ?? []
        #expect(shortages.map { $0["sku"]?.string } == ["A", "B"])
        #expect(shortages.map { $0["requested"]?.integer } == [6, 2])
        #expect(shortages.map { $0["available"]?.integer } == [5, 1])
        #expect(try await bench.place("A", 5).status == 202)
    }

    @Test("without Inventory an order with prices is let through, and the saga decides; one without prices has to wait")
    func unreachable() async throws {
        _ = try await bench.stock("A", 1)
        bench.reachInventory(false)
        let unpriced = try await bench.place("A", 1)
        #expect(unpriced.status == 503)
        #expect(unpriced.headers[.retryAfter] == "5")
        let (good, unknown) = (try await bench.accepted("A", 1, price: "1.00"), try await bench.accepted("unknown", 1, price: "1.00"))
        bench.reachInventory(true)
        try await bench.settle()
        #expect(try await bench.status(good) == "PAID")
        #expect(try await bench.status(unknown) == "CANCELLED")
    }

    @Test("whoever has gone by the time that Inventory has answered gets no order, also where it was not reached")
    func gone() async throws {
        _ = try await bench.stock("A", 1)
        let body = #"{"currency":"GBP","items":[{"sku":"A","quantity":1,"price":"1.00"}]}"#
        for isReached in [true, false] {
            bench.reachInventory(isReached)
            let answer = try await bench.send(bench.orders, "POST", "/orders", body, deadline: .now - .milliseconds(1))
            #expect(answer.status == 504 && answer.problem == "deadline-passed")
        }
        #expect(try await bench.said(bench.orders).isEmpty)
    }

    @Test("the same key and body is the same order, also when the last unit is gone by then; another body is refused")
    func idempotency() async throws {
        _ = try await bench.stock("A", 1)
        let first = try await bench.place("A", 1, key: "k1")
        try await bench.settle()
        let again = try await bench.place("A", 1, key: "k1")
        #expect(first.status == 202)
        #expect(again.status == 202)
        #expect(again.json == first.json)
        #expect(again.headers[.location] == first.headers[.location])
        let other = try await bench.place("A", 1, method: "test_decline", key: "k1")
        #expect(other.status == 422)
        #expect(other.problem == "idempotency-key-reused")
        #expect(try await bench.place("A", 1, key: "k2").status == 409)
        #expect(try await bench.said(bench.orders).filter { $0 == "OrderCreated" }.count == 1)
    }

    @Test("lists are in pages, newest first, and filtered by customer and status")
    func lists() async throws {
        _ = try await bench.stock("A", 100)
        var ids: [String] = []
        for number in 0..<7 {
            let answer = try await post(#"{"customerId":"c\#(number % 2)","currency":"GBP","items":[{"sku":"A","quantity":1}]}"#)
            ids.append(try #require(answer.text("id")))
        }
        _ = try await bench.cancel(ids[0])
        try await bench.settle()
        func list(_ query: [(name: String, value: String)]) async throws -> [String] {
            var found: [String] = []
            var cursor: String?
            repeat {
                let answer = try await bench.send(bench.orders, "GET", "/orders", query: query + [("limit", "2")] + (cursor.map { [("cursor", $0)] } ?? []))
                #expect(answer.status == 200)
                found += answer.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
                cursor = answer.text("nextCursor")
            } while cursor != nil
            return found
        }
        #expect(try await list([]) == ids.reversed())
        #expect(try await list([("customerId", "c0")]) == [ids[6], ids[4], ids[2], ids[0]])
        #expect(try await list([("status", "CANCELLED")]) == [ids[0]])
        #expect(try await list([("status", "PAID")]) == ids.dropFirst().reversed())
        #expect(try await list([("status", "PAID"), ("customerId", "c0")]) == [ids[6], ids[4], ids[2]])
        #expect(try await list([("status", "CREATED")]) == [])
        for query in [
            [("status", "paid")], [("limit", "0")], [("limit", "501")], [("cursor", "x")], [("from", "x")], [("colour", "red")],
            [("limit", "1"), ("limit", "2")],
        ] {
            #expect(try await bench.send(bench.orders, "GET", "/orders", query: query.map { (name: $0.0, value: $0.1) }).status == 400)
        }
    }
}
