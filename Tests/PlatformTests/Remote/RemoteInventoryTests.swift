import Contracts
import Resilience
import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

@Suite("Asking Inventory in another process", .timeLimit(.minutes(1)))
struct RemoteInventoryTests {
    private func ask(
        _ urls: [String], _ questions: [AvailabilityQuestion], _ body: (Result<[ProductAvailability?], any Error>, UpstreamPool) async throws -> Void
    ) async throws {
        let pool = try UpstreamPool("inventory", urls: urls, configuration: RemoteInventory.configuration(UpstreamPool.Configuration()))
        let result: Result<[ProductAvailability?], any Error>
        do { result = .success(try await RemoteInventory(pool: pool).check(questions)) } catch { result = .failure(error) }
        try await body(result, pool)
        await pool.shutdown()
    }

    @Test("the answer is what Inventory says in its own process")
    func answers() async throws {
        try await RunningPlatform.with { (platform) async throws in
            let tea = try #require(Identifier(try await platform.product("TEA", units: 7, price: "4.50")))
            let body = #"{"sku":"TÉ \"1\"","name":"yen","price":"120","currency":"JPY","availableQuantity":0}"#
            let yen = try #require(try await platform.send("POST", "/inventory/products", body).json["id"]?.string.flatMap { Identifier($0) })
            let questions = [
                AvailabilityQuestion(productID: tea, sku: nil), AvailabilityQuestion(productID: nil, sku: "nothing of the kind"),
                AvailabilityQuestion(productID: nil, sku: #"TÉ "1""#), AvailabilityQuestion(productID: Identifier(high: 1, low: 2), sku: nil),
                AvailabilityQuestion(productID: tea, sku: "another"), AvailabilityQuestion(productID: nil, sku: "TEA"),
            ]
            let expectedTea = ProductAvailability(
                productID: tea, sku: "TEA", price: Money(minorUnits: 450, currency: try #require(Currency("GBP"))), available: 7)
            let expectedYen = ProductAvailability(
                productID: yen, sku: #"TÉ "1""#, price: Money(minorUnits: 120, currency: try #require(Currency("JPY"))), available: 0)
            try await ask([platform.url], questions) { (result, _) async throws in
                #expect(try result.get() == [expectedTea, nil, expectedYen, nil, expectedTea, expectedTea])
            }
            // As many lines as an order may have.
            try await ask([platform.url], Array(repeating: questions[0], count: 2_000)) { (result, _) async throws in
                #expect(try result.get() == Array(repeating: expectedTea, count: 2_000))
            }
            try await ask([platform.url], []) { (result, pool) async throws in
                #expect(try result.get().isEmpty && pool.state.withLock { $0.requests } == 0)
            }
        }
    }

    @Test("who asks within a request passes on its identity, its trace and what is left of its time")
    func scope() async throws {
        try await FakeUpstream.with(.answer(200, [], #"{"items":[{"exists":false}]}"#)) { (server) async throws in
            let scope = RequestScope(id: Identifier(high: 3, low: 4), deadline: .now + .milliseconds(200), traceparent: "00-ab-cd-01")
            try await RequestScope.$current.withValue(scope) {
                try await ask([server.url], [AvailabilityQuestion(productID: nil, sku: "A")]) { (result, _) async throws in #expect(try result.get() == [nil]) }
            }
            let seen = try #require(server.seen.first)
            #expect(seen.header("X-Request-Id") == scope.id.description && seen.header("traceparent") == "00-ab-cd-01")
            #expect((1...200).contains(Int(seen.header("Waybill-Deadline") ?? "") ?? 0))
            #expect(seen.target == "/api/v1/inventory/availability" && seen.body == Array(#"{"items":[{"sku":"A","quantity":1}]}"#.utf8))
        }
    }

    @Test("an instance that is silent or lost is not waited for: another one is asked, once")
    func secondInstance() async throws {
        try await FakeUpstream.with(.answer(200, [], #"{"items":[{"exists":false}]}"#)) { (well) async throws in
            for behaviour in [FakeUpstream.Behaviour.silence, .close(reset: true), .answer(502)] {
                try await FakeUpstream.with(behaviour) { (ill) async throws in
                    try await ask([ill.url, well.url], [AvailabilityQuestion(productID: nil, sku: "A")]) { (result, pool) async throws in
                        #expect(try result.get() == [nil] && pool.state.withLock { $0.retries } == 1)
                    }
                }
            }
        }
    }

    @Test("callers in a hurry say nothing of Inventory; it is spared after five questions that had their time, until one is answered")
    func breaker() async throws {
        let clock = UpstreamPoolTests.Clock()
        try await FakeUpstream.with(.silence) { (server) async throws in
            let pool = try UpstreamPool("inventory", urls: [server.url], configuration: RemoteInventory.configuration(UpstreamPool.Configuration())) {
                clock.now
            }
            @Sendable func ask(within time: Duration? = nil) async -> (any Error)? {
                let scope = RequestScope(id: Identifier(high: 3, low: 4), deadline: time.map { ContinuousClock.now + $0 })
                return await RequestScope.$current.withValue(scope) {
                    do {
                        _ = try await RemoteInventory(pool: pool).check([AvailabilityQuestion(productID: nil, sku: "A")])
                        return nil
                    } catch { return error }
                }
            }
            func state() -> CircuitBreaker.State? { pool.state.withLock { $0.breaker?.state } }
            for _ in 0..<8 { _ = await ask(within: .milliseconds(20)) }
            #expect(state() == .closed)
            for _ in 0..<5 { _ = await ask() }
            #expect(state() == .open)
            let refused = await ask() as? UpstreamFailure
            #expect(refused == .open(retryAfterSeconds: 30))
            // Whoever is in a hurry and is let through first keeps nobody away.
            clock.advance(30_000)
            _ = await ask(within: .milliseconds(20))
            server.set(.answer(200, [], #"{"items":[{"exists":false}]}"#))
            // On a busy machine the answer may come too late.
            try await eventually("an answer") {
                if await ask() == nil { return true }
                clock.advance(30_000)
                return false
            }
            #expect(state() == .closed)
            await pool.shutdown()
        }
    }

    @Test("what is no answer is an error, never a guess")
    func wrongAnswers() async throws {
        let complete = #""exists":true,"productId":"01890a5d-ac96-774b-bcce-b302099a8057","sku":"A","price":"1.00","currency":"GBP","availableQuantity":1"#
        let bodies =
            [
                "", "[]", "{}", #"{"items":[]}"#, #"{"items":[{}]}"#, #"{"items":[{"exists":false},{"exists":false}]}"#, #"{"items":[{"exists":true}]}"#,
            ] + ["productId", "sku", "price", "currency", "availableQuantity"].map { #"{"items":[{\#(complete.replacing($0, with: "x"))}]}"# }
        for body in bodies { #expect(throws: (any Error).self, "\(body)") { try RemoteInventory.answers(Array(body.utf8), count: 1) } }
        #expect(try RemoteInventory.answers(Array(#"{"items":[{\#(complete)}]}"#.utf8), count: 1).first??.sku == "A")
        for behaviour in [FakeUpstream.Behaviour.silence, .answer(422), .answer(503), .close(reset: false)] {
            try await FakeUpstream.with(behaviour) { (server) async throws in
                try await ask([server.url], [AvailabilityQuestion(productID: nil, sku: "A")]) { (result, _) async throws in
                    #expect(throws: (any Error).self) { try result.get() }
                }
            }
        }
    }
}
