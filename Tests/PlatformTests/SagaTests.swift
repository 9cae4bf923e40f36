import Testing

/// The saga from outside: what a client sees, whatever topology runs behind it.
@Suite struct SagaTests {
    @Test func `an order is reserved, paid, confirmed, shipped and delivered`() async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 10)
            let id = try await shop.order("TEA", quantity: 2, extra: #","customerId":"alice","metadata":{"channel":"web"}"#)
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.stock(product) == [8, 2, 0])
            #expect(try await shop.payment(id)?["status"] == .string("CAPTURED"))
            #expect(try await shop.payment(id)?["amount"] == .string("9.00"))
            for status in ["SHIPPED", "DELIVERED"] {
                #expect(try await shop.send("PUT", "/orders/\(id)/status", #"{"status":"\#(status)"}"#).status == 200)
            }
            try await shop.eventually("sold") { try await shop.stock(product) == [8, 0, 2] }
            let order = try await shop.send("GET", "/orders/\(id)").json
            #expect(order["metadata"]?["channel"] == .string("web"))
            #expect(order["history"]?.array?.compactMap { $0["status"]?.string } == ["CREATED", "RESERVED", "PAID", "SHIPPED", "DELIVERED"])
            #expect(order["history"]?.array?.compactMap { $0["version"]?.integer } == [1, 2, 3, 4, 5])
            try await shop.eventually("three notifications") {
                try await shop.send("GET", "/notifications?orderId=\(id)").json["items"]?.array?.filter { $0["status"] == .string("SENT") }.count == 3
            }
            // The archive is behind by as much as a broker takes, topic by topic.
            try await shop.eventually("timeline") { try await shop.timeline(id).count == 10 }
            #expect(
                try await shop.timeline(id).filter { $0 != "NotificationSent" && $0 != "PaymentProcessed" && $0 != "OrderReserved" }
                    == ["OrderCreated", "InventoryReserved", "OrderConfirmed", "OrderShipped", "OrderDelivered"])
        }
    }

    @Test func `every event of a timeline but the first names its cause`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 1)
            let id = try await shop.order("TEA")
            try await shop.eventually("told") { try await shop.timeline(id).count == 6 }
            let events = try await shop.send("GET", "/orders/\(id)/events").json["items"]?.array ?? []
            let ids = Set(events.compactMap { $0["eventId"]?.string })
            #expect(events.count == 6)
            #expect(Set(events.compactMap { $0["correlationId"]?.string }).count == 1)
            for event in events.dropFirst() { #expect(ids.contains(event["causationId"]?.string ?? "")) }
            #expect(events[0]["causationId"] == nil)
        }
    }

    @Test func `short stock is refused at once and names the product`() async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 3)
            let answer = try await shop.place("TEA", quantity: 4)
            #expect(answer.status == 409)
            #expect(answer.json["shortages"]?[0]?["sku"] == .string("TEA"))
            #expect(answer.json["shortages"]?[0]?["available"]?.integer == 3)
            #expect(try await shop.stock(product) == [3, 0, 0])
        }
    }

    @Test(arguments: [("test_decline", "card_declined"), ("test_insufficient_funds", "insufficient_funds"), ("nonsense", "unknown_payment_method")])
    func `a refused payment fails the order and frees the stock`(method: String, reason: String) async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", quantity: 5, method: method)
            try await shop.eventually(id, is: "FAILED")
            #expect(try await shop.send("GET", "/orders/\(id)").json["reason"] == .string(reason))
            try await shop.eventually("stock is free") { try await shop.stock(product) == [5, 0, 0] }
            #expect(try await shop.payment(id)?["status"] == .string("FAILED"))
        }
    }

    @Test func `a paid order that is cancelled is refunded in full`() async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", quantity: 2)
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.send("POST", "/orders/\(id)/cancel", #"{"reason":"changed my mind"}"#).status == 202)
            try await shop.eventually(id, is: "CANCELLED")
            #expect(try await shop.stock(product) == [5, 0, 0])
            #expect(try await shop.payment(id)?["status"] == .string("REFUNDED"))
            #expect(try await shop.send("POST", "/orders/\(id)/cancel").status == 200)
            try await shop.eventually("analytics has taken it back") {
                try await shop.send("GET", "/analytics/dashboard").json["totals"]?["revenue"] == .string("0.00")
            }
        }
    }

    @Test func `an order cancelled while it is charged keeps neither money nor stock`() async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", method: "test_slow")
            try await shop.eventually("charging") { try await shop.payment(id)?["status"] == .string("CHARGING") }
            #expect(try await shop.send("POST", "/orders/\(id)/cancel").status == 202)
            try await shop.eventually(id, is: "CANCELLED")
            #expect(try await shop.stock(product) == [5, 0, 0])
            let status = try await shop.payment(id)?["status"]?.string ?? ""
            #expect(["REFUNDED", "VOIDED"].contains(status))
        }
    }

    @Test func `an order cancelled at once is cancelled whatever has happened by then`() async throws {
        try await RunningPlatform.with { shop in
            let product = try await shop.product("TEA", units: 50)
            for _ in 0..<20 {
                let id = try await shop.order("TEA")
                #expect(try await shop.send("POST", "/orders/\(id)/cancel").status == 202)
                try await shop.eventually(id, is: "CANCELLED")
            }
            #expect(try await shop.stock(product) == [50, 0, 0])
        }
    }

    @Test func `a lost reply of the provider is asked again and nothing is taken twice`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", method: "test_timeout")
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.payment(id)?["status"] == .string("CAPTURED"))
            try await shop.eventually("told") { try await shop.timeline(id).count >= 6 }
            #expect(try await shop.timeline(id).filter { $0 == "PaymentProcessed" }.count == 1)
        }
    }

    @Test func `an order of nothing to pay is paid without a charge`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("FREE", units: 5, price: "0.00")
            let id = try await shop.order("FREE")
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.payment(id)?["paymentMethod"] == .string("none"))
        }
    }

    @Test func `an offline payment waits for an operator and nobody else may set PAID`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", method: "offline")
            try await shop.eventually(id, is: "RESERVED")
            let early = try await shop.send("PUT", "/orders/\(id)/status", #"{"status":"SHIPPED"}"#)
            #expect(early.status == 409)
            #expect(early.json["allowed"]?.array?.compactMap(\.string) == ["PAID", "CANCELLED"])
            #expect(try await shop.send("PUT", "/orders/\(id)/status", #"{"status":"PAID"}"#).status == 200)
            try await shop.eventually("recorded") { try await shop.payment(id)?["status"] == .string("PAID_OFFLINE") }
            try await shop.eventually("counted") { try await shop.send("GET", "/analytics/dashboard").json["totals"]?["revenue"] == .string("4.50") }
        }
    }

    @Test func `an order that does not settle in time is cancelled by its deadline`() async throws {
        try await RunningPlatform.with {
            $0.orders.offlineDeadlineMilliseconds = 50
        } _: { shop in
            let product = try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", method: "offline")
            try await shop.eventually(id, is: "CANCELLED")
            #expect(try await shop.send("GET", "/orders/\(id)").json["reason"] == .string("deadline"))
            #expect(try await shop.stock(product) == [5, 0, 0])
        }
    }
}
