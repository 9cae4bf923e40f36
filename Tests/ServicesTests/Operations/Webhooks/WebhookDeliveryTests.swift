import Contracts
import HTTPTypes
import Messaging
import Storage
import Testing
import Web
import Wire

@testable import Operations

private func answered(_ status: Int) -> Result<OutgoingAnswer, OutgoingFailure> { .success(OutgoingAnswer(status: status)) }

/// What endpoints are sent, in which order, and what becomes of it when they do not take it.
@Suite(.timeLimit(.minutes(2))) struct WebhookDeliveryTests {
    let bench: WebhookBench

    init() async throws { bench = try await WebhookBench() }

    private func orders(_ count: Int) -> [OrderID] { (0..<count).map { _ in bench.fixture.context.newID() } }

    @Test func `Every event that is wanted is sent once, signed, with the event in it`() async throws {
        let id = try await bench.create(types: ["OrderShipped"])
        let all = try await bench.create("https://example.org/all")
        let story = bench.story(orders(1)[0])
        try await bench.archive(story)
        #expect(try await bench.work() == 4)
        #expect(try await bench.work() == 0)
        let mine = bench.sent.filter { $0.url == "https://example.com/hooks" }
        #expect(mine.map(\.event) == [story[1].id])
        #expect(bench.sent.filter { $0.url == "https://example.org/all" }.map(\.event) == story.map(\.id))
        let message = try #require(mine.first)
        let json = try message.json
        #expect(json["type"] == .string("OrderShipped") && json["timestamp"] == .string("\(story[1].time)") && json["data"]?["newStatus"] == .string("SHIPPED"))
        #expect(message.method == "POST" && message.header("Content-Type") == "application/json")
        let (name, time) = (try #require(message.header("webhook-id")), try #require(message.header("webhook-timestamp").flatMap { Int64($0) }))
        #expect(time == bench.clock.now().milliseconds / 1000)
        let signature = WebhookSecret(bytes: WebhookBench.secret).signature(id: name, timestamp: time, body: message.body)
        #expect(message.header("webhook-signature") == signature)
        let deliveries = try await bench.deliveries(id)
        #expect(deliveries.map { $0["id"]?.string } == [name] && deliveries[0]["state"] == .string("delivered"))
        #expect(deliveries[0]["attempts"]?.integer == 1 && deliveries[0]["lastStatus"]?.integer == 200)
        #expect(try await bench.deliveries(all).count == 3)
        #expect(Set(bench.sent.map { $0.header("webhook-id") }).count == 4)
    }

    @Test func `Without webhooks nothing is written and nothing is sent`() async throws {
        try await bench.archive(bench.story(orders(1)[0]))
        #expect(try await bench.work() == 0)
        let id = try await bench.create()
        #expect(try await bench.work() == 0)
        #expect(try await bench.deliveries(id).isEmpty)
    }

    @Test func `A later event of an order waits until the earlier one is delivered, and other orders go on`() async throws {
        let (bad, good) = (orders(2)[0], orders(2)[1])
        _ = try await bench.create()
        let (badStory, goodStory) = (bench.story(bad), bench.story(good))
        bench.answer { request in request.event == badStory[0].id ? answered(500) : answered(200) }
        try await bench.archive(badStory + goodStory)
        try await bench.work()
        #expect(bench.sent.filter { $0.event != badStory[0].id }.map(\.event) == goodStory.map(\.id))
        bench.clock.advance(by: .seconds(5))
        try await bench.work()
        #expect(bench.sent.count { $0.event == badStory[0].id } == 2)
        bench.answer(200)
        // More of the same order comes while its first event waits.
        let more = bench.fixture.event(InventoryReleased(reservations: [], reason: "cancellation"), from: "inventory", key: bad)
        try await bench.archive([more])
        bench.clock.advance(by: .seconds(300))
        try await bench.work()
        #expect(bench.sent.compactMap(\.event).filter { badStory.map(\.id).contains($0) || $0 == more.id }.suffix(4) == (badStory + [more]).map(\.id)[...])
    }

    @Test func `A message is tried ten times over three days and then given up, and the next of its order has its chance`() async throws {
        let id = try await bench.create()
        let story = bench.story(orders(1)[0])
        bench.answer { request in request.event == story[0].id ? .failure(.timedOut) : answered(204) }
        try await bench.archive(story)
        try await bench.workOn(days: 3)
        try await bench.workOn(days: 1)
        #expect(bench.sent.count { $0.event == story[0].id } == 10)
        #expect(Set(bench.sent.filter { $0.event == story[0].id }.map { $0.header("webhook-id") }).count == 1)
        #expect(bench.sent.suffix(2).map(\.event) == story.dropFirst().map(\.id))
        let first = try #require(try await bench.deliveries(id, [("state", "failed")]).first)
        let shown = try await bench.call("GET", "/webhooks/{id}/deliveries/{delivery}", id: id, delivery: first["id"]?.string).json
        let log = try #require(shown["log"]?.array)
        #expect(log.compactMap { $0["attempt"]?.integer } == (1...10).reversed())
        #expect(log.allSatisfy { $0["error"] == .string("no answer in time") && $0["status"] == nil })
        #expect(try await bench.show(id).text("state") == "active")
    }

    @Test func `An endpoint that fails for five days is disabled, its owner's others hear of it, and it can be put right`() async throws {
        let (id, watcher) = (try await bench.create(), try await bench.create("https://example.net/ops", types: ["webhook.disabled"]))
        bench.answer { request in request.url == "https://example.net/ops" ? answered(200) : answered(500) }
        try await bench.archive(bench.story(orders(1)[0]))
        try await bench.workOn(days: 6)
        // It has given up on the first by then; what comes later finds it failing still.
        try await bench.archive(bench.story(orders(1)[0]))
        try await bench.work()
        let shown = try await bench.show(id)
        #expect(shown.text("state") == "disabled" && shown.text("reason") == "nothing but failures for 5 days")
        #expect(try await bench.deliveries(id, [("state", "pending")]).isEmpty)
        let notice = try #require(bench.sent.last { $0.url == "https://example.net/ops" })
        #expect(try notice.json["type"] == .string("webhook.disabled") && notice.json["data"]?["webhookId"] == .string(id))
        #expect(try await bench.deliveries(watcher).count == 1)
        let actions = try await bench.fixture.database.read { try AdminLog.list(.init(action: "webhook.disable"), before: nil, limit: 10, in: $0) }
        #expect(actions.map(\.actor) == ["waybill"] && actions[0].subject == "webhook:\(id)")

        let count = bench.sent.count
        bench.clock.advance(by: .seconds(10))
        let missed = bench.story(orders(1)[0])
        try await bench.archive(missed)
        try await bench.work()
        #expect(bench.sent.count == count)
        bench.answer(200)
        #expect(try await bench.call("POST", "/webhooks/{id}/redeliver", id: id, query: [("since", "2025-01-01")]).problem == "webhook-not-active")
        #expect(try await bench.call("PATCH", "/webhooks/{id}", #"{"state":"active"}"#, id: id).status == 200)
        let since = bench.clock.now().advanced(byMilliseconds: -1000)
        let again = try await bench.call("POST", "/webhooks/{id}/redeliver", id: id, query: [("since", "\(since)")])
        #expect(again.status == 202 && again.json["scheduled"]?.integer == 3 && again.json["more"] == .bool(false))
        try await bench.work()
        #expect(bench.sent.suffix(3).map(\.event) == missed.map(\.id))
        #expect(try await bench.show(id).text("failingSince") == nil)
    }

    @Test func `410 disables at once, and what waits is given up`() async throws {
        let id = try await bench.create()
        bench.answer(410)
        try await bench.archive(bench.story(orders(1)[0]))
        try await bench.work()
        #expect(bench.sent.count == 1)
        let shown = try await bench.show(id)
        #expect(shown.text("state") == "disabled" && shown.text("reason") == "the endpoint answered 410 Gone")
        #expect(try await bench.deliveries(id).allSatisfy { $0["state"] == .string("failed") })
    }

    @Test func `An endpoint that asks to be left alone is left alone with everything`() async throws {
        let id = try await bench.create()
        bench.answer(429, [("retry-after", "600")])
        try await bench.archive(bench.story(orders(1)[0]))
        try await bench.work()
        bench.answer(200)
        try await bench.archive(bench.story(orders(1)[0]))
        bench.clock.advance(by: .seconds(599))
        #expect(try await bench.work() == 0)
        #expect(try await bench.show(id).text("heldUntil") != nil)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.work() == 6)
    }

    @Test func `A slow endpoint takes only its part of the room, and one that fails only one place`() async throws {
        let (slow, quick) = (try await bench.create("https://slow.example"), try await bench.create("https://quick.example"))
        try await bench.archive(orders(40).flatMap { bench.story($0) })
        let dispatcher = try #require(try bench.service.dispatcher)
        let first = try await dispatcher.take()
        #expect(first.count { "\($0.webhook.id)" == slow } == 4 && first.count { "\($0.webhook.id)" == quick } == 4)
        #expect(Set(first.map(\.delivery.key)).count >= 4)
        // While these are under way nothing more goes to either.
        #expect(try await dispatcher.take().isEmpty)
        for work in first where "\(work.webhook.id)" == quick { await dispatcher.execute(work) }
        let second = try await dispatcher.take()
        #expect(second.count == 4 && second.allSatisfy { "\($0.webhook.id)" == quick })
        bench.answer(500)
        for work in first where "\(work.webhook.id)" == slow { await dispatcher.execute(work) }
        let third = try await dispatcher.take()
        #expect(third.count { "\($0.webhook.id)" == slow } == 1)
    }

    @Test func `A message that was lost with the process is sent again, and an outcome counts once`() async throws {
        let id = try await bench.create()
        let story = bench.story(orders(1)[0])
        try await bench.archive(story)
        let dispatcher = try #require(try bench.service.dispatcher)
        let lost = try #require(try await dispatcher.take().first)
        // The process ends here; another one begins.
        var configuration = WebhookConfiguration()
        configuration.client = bench
        let successor = try #require(OperationsService(bench.fixture.environment, webhooks: configuration).dispatcher)
        let again = try #require(try await successor.take().first)
        #expect(again.delivery.id == lost.delivery.id)
        await successor.execute(again)
        bench.answer(500)
        await dispatcher.execute(lost)
        let delivery = try #require(try await bench.deliveries(id, [("type", story[0].type)]).first)
        #expect(delivery["state"] == .string("delivered") && delivery["attempts"]?.integer == 1)
    }

    @Test func `A message is sent again when that is asked for, under the same name`() async throws {
        let id = try await bench.create()
        let story = bench.story(orders(1)[0])
        try await bench.archive(story)
        try await bench.work()
        let name = try #require(bench.sent[1].header("webhook-id"))
        let path = "/webhooks/{id}/deliveries/{delivery}/redeliver"
        let first = try await bench.call("POST", path, id: id, delivery: name, key: "k")
        let replay = try await bench.call("POST", path, id: id, delivery: name, key: "k")
        #expect(first.status == 202 && replay.json == first.json && replay.headers[.idempotencyReplayed] == "true")
        #expect(try await bench.work() == 1)
        #expect(bench.sent.last?.header("webhook-id") == name && bench.sent.last?.event == story[1].id)
        #expect(try await bench.call("GET", "/webhooks/{id}/deliveries/{delivery}", id: id, delivery: name).json["log"]?.array?.count == 2)
    }

    @Test func `What is old is pruned, and may be sent again all the same`() async throws {
        let id = try await bench.create()
        let story = bench.story(orders(1)[0])
        try await bench.archive(story)
        try await bench.work()
        let names = bench.sent.map { $0.header("webhook-id") }
        bench.clock.advance(by: .seconds(31 * 86_400))
        try await bench.clean()
        #expect(try await bench.deliveries(id).isEmpty)
        let again = try await bench.call("POST", "/webhooks/{id}/redeliver", id: id, query: [("since", "2025-01-01")])
        #expect(again.json["scheduled"]?.integer == 3)
        try await bench.work()
        #expect(bench.sent.suffix(3).map { $0.header("webhook-id") } == names)
        #expect(bench.sent.suffix(3).map(\.event) == story.map(\.id))
    }

    @Test func `A webhook that is removed leaves nothing behind`() async throws {
        let id = try await bench.create()
        bench.answer(500)
        try await bench.archive(bench.story(orders(1)[0]))
        try await bench.work()
        #expect(try await bench.call("DELETE", "/webhooks/{id}", id: id).status == 200)
        bench.clock.advance(by: .seconds(86_400))
        #expect(try await bench.work() == 0)
        #expect(try await bench.show(id).status == 404)
        try await bench.clean()
        for table in ["webhooks", "webhook_deliveries", "webhook_attempts"] {
            let count = SQL("SELECT count(*) FROM \(table)")
            let left = try await bench.fixture.database.read { try $0.first(count) { $0.integer(0) } }
            #expect(left == 0, "\(table)")
        }
    }
}
