import Contracts
import Messaging
import Testing
import Wire

@testable import Platform

/// The saga where a broker carries the events: relays, claims, inboxes and dead letters of the distributed topologies, without their servers, so that they are in every run of the tests.
@Suite("The saga over a broker", .timeLimit(.minutes(3)))
struct MemoryBrokerTests {
    @Test func `an order is paid, and every event of it is told once and in its order`() async throws {
        try await RunningPlatform.with(broker: MemoryBroker()) { shop in
            let product = try await shop.product("TEA", units: 10)
            let id = try await shop.order("TEA", quantity: 2)
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.stock(product) == [8, 2, 0])
            #expect(try await shop.payment(id)?["status"] == .string("CAPTURED"))
            try await shop.eventually("told") { try await shop.timeline(id).contains("NotificationSent") }
            let told = try await shop.timeline(id)
            #expect(told.sorted() == Set(told).sorted())
            #expect(
                told.filter { $0.hasPrefix("Order") } == ["OrderCreated", "OrderReserved", "OrderConfirmed"],
                "what one service says of an order stays in order")
        }
    }

    @Test func `a declined order fails and frees its stock`() async throws {
        try await RunningPlatform.with(broker: MemoryBroker()) { shop in
            let product = try await shop.product("TEA", units: 5)
            let id = try await shop.order("TEA", quantity: 5, method: "test_decline")
            try await shop.eventually(id, is: "FAILED")
            try await shop.eventually("stock is free") { try await shop.stock(product) == [5, 0, 0] }
            #expect(try await shop.payment(id)?["status"] == .string("FAILED"))
        }
    }

    @Test func `orders that are cancelled at once and after payment keep neither money nor stock`() async throws {
        try await RunningPlatform.with(broker: MemoryBroker()) { shop in
            let product = try await shop.product("TEA", units: 50)
            for _ in 0..<5 {
                let id = try await shop.order("TEA")
                #expect(try await shop.send("POST", "/orders/\(id)/cancel").status == 202)
                try await shop.eventually(id, is: "CANCELLED")
            }
            let paid = try await shop.order("TEA")
            try await shop.eventually(paid, is: "PAID")
            #expect(try await shop.send("POST", "/orders/\(paid)/cancel").status == 202)
            try await shop.eventually(paid, is: "CANCELLED")
            #expect(try await shop.payment(paid)?["status"] == .string("REFUNDED"))
            try await shop.eventually("stock is free") { try await shop.stock(product) == [50, 0, 0] }
        }
    }

    @Test func `a hundred units are sold to exactly a hundred of four hundred buyers`() async throws {
        try await RunningPlatform.with(broker: MemoryBroker(), RunningPlatform.patient) { shop in
            let product = try await shop.product("HOT", units: 100)
            let accepted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<400 { group.addTask { try await shop.place("HOT").status == 202 } }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(accepted >= 100)
            try await shop.eventually("all settled") {
                let paid = try await shop.send("GET", "/orders?status=PAID&limit=500").json["items"]?.array?.count
                let cancelled = try await shop.send("GET", "/orders?status=CANCELLED&limit=500").json["items"]?.array?.count
                return paid == 100 && cancelled == accepted - 100
            }
            #expect(try await shop.stock(product) == [0, 100, 0])
            try await shop.eventually("all is at rest") { try await shop.send("POST", "/admin/audit", "{}").json["moving"]?.integer == 0 }
            #expect(try await shop.send("POST", "/admin/audit", "{}").json["findings"]?.array == [])
        }
    }

    /// Whoever can publish to the broker can publish anything.
    @Test func `a message of another program becomes a dead letter of those who were given it, and orders go on`() async throws {
        let log = MemoryLog()
        let victims = Set(Distribution.topology(partitions: 1).groups.filter { $0.topics.contains("orders") }.map(\.name))
        #expect(victims.count > 3)
        try await RunningPlatform.with(clock: FastClock(), broker: MemoryBroker(log)) { shop in
            let product = try await shop.product("TEA", units: 5)
            let stranger = BrokerMessage(topic: "orders", key: Identifier(high: 0, low: 0), headers: [], body: Array("hello".utf8))
            try await MemoryBroker(log).publish([stranger])
            try await shop.eventually("everybody has given it up") {
                let letters = try await shop.send("GET", "/admin/dead-letters").json["items"]?.array ?? []
                return Set(letters.compactMap { $0["consumer"]?.string }) == victims
            }
            let desk = try await MemoryBroker(log).subscribe(group: "desk", topics: ["orders.DLQ"], member: "a")
            var consumers: Set<String> = []
            while consumers.count < victims.count, let deliveries = try await desk.next(limit: 10) {
                for delivery in deliveries {
                    #expect(delivery.message.body == stranger.body)
                    #expect(delivery.message.header("deadletterattempts") == "4")
                    consumers.insert(delivery.message.header("deadletterconsumer") ?? "")
                }
                await desk.acknowledge(deliveries)
            }
            await desk.close()
            #expect(consumers == victims)
            let id = try await shop.order("TEA")
            try await shop.eventually(id, is: "PAID")
            #expect(try await shop.stock(product) == [4, 1, 0])
        }
    }

    @Test func `a prefix of topics is seen by the cluster and by nobody else`() async throws {
        let log = MemoryLog()
        let broker = PrefixedBroker(MemoryBroker(log), prefix: "shop.")
        try await broker.open(BrokerTopology(topics: ["orders"], groups: [.init(name: "payments", topics: ["orders"])], partitions: 1))
        let message = BrokerMessage(topic: "orders", key: Identifier(high: 0, low: 1), headers: [.init("id", "1")], body: [1])
        try await broker.publish([message])
        #expect(try await MemoryBroker(log).lag(of: "shop.payments") == 1)
        let member = try await broker.subscribe(group: "payments", topics: ["orders"], member: "a")
        let deliveries = try await member.next(limit: 10) ?? []
        #expect(deliveries.map(\.message) == [message])
        await member.acknowledge(deliveries)
        #expect(try await broker.lag(of: "payments") == 0)
        await broker.close()
    }
}
