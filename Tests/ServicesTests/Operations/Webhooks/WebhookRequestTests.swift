import HTTPTypes
import Messaging
import Testing
import Web
import Wire

@testable import Operations

/// Who may make webhooks, what he may say, and what he sees.
@Suite(.timeLimit(.minutes(2))) struct WebhookRequestTests {
    let bench: WebhookBench

    init() async throws { bench = try await WebhookBench() }

    @Test func `A secret is shown when it is made and never again`() async throws {
        let made = try await bench.call("POST", "/webhooks", #"{"url":"https://example.com/","types":["OrderConfirmed"],"description":"x"}"#, key: "k")
        let secret = try #require(made.text("secret"))
        #expect(made.status == 201 && secret == WebhookSecret(bytes: WebhookBench.secret).text)
        let id = try #require(made.text("id"))
        #expect(made.headers[.location] == "/api/v1/webhooks/\(id)")
        let again = try await bench.call("POST", "/webhooks", #"{"url":"https://example.com/","types":["OrderConfirmed"],"description":"x"}"#, key: "k")
        #expect(again.json == made.json && again.headers[.idempotencyReplayed] == "true")
        let shown = try await bench.show(id)
        let listed = try await bench.call("GET", "/webhooks")
        #expect(shown.text("secret") == nil && listed.json["items"]?.array?.count == 1 && listed.json["items"]?[0]?["secret"] == nil)
        #expect(shown.json["types"]?.array == [.string("OrderConfirmed")] && shown.text("owner") == "house" && shown.text("description") == "x")
        let actions = try await bench.fixture.database.read { try AdminLog.list(.init(subject: "webhook:\(id)"), before: nil, limit: 10, in: $0) }
        #expect(actions.map(\.action) == ["webhook.create"])
        let text = String(decoding: actions.first?.after ?? [], as: UTF8.self)
        #expect(!text.contains("whsec") && !text.contains("secret"))
    }

    @Test func `After a rotation both secrets sign, until the old one has served`() async throws {
        let id = try await bench.create()
        let rotated = try await bench.call("POST", "/webhooks/{id}/rotate-secret", #"{"overlapHours":2}"#, id: id)
        let (old, new) = (WebhookSecret(bytes: WebhookBench.secret), WebhookSecret(bytes: Array(repeating: 8, count: 32)))
        #expect(rotated.text("secret") == new.text)
        func signatures() async throws -> [WebhookSecret] {
            _ = try await bench.call("POST", "/webhooks/{id}/test", id: id)
            try await bench.work()
            let message = try #require(bench.sent.last)
            let (name, time) = (message.header("webhook-id") ?? "", Int64(message.header("webhook-timestamp") ?? "") ?? 0)
            return (message.header("webhook-signature") ?? "").split(separator: " ").compactMap { signature in
                [old, new].first { $0.signature(id: name, timestamp: time, body: message.body) == signature }
            }
        }
        #expect(try await signatures() == [new, old])
        bench.clock.advance(by: .seconds(7200))
        #expect(try await signatures() == [new])
        _ = try await bench.call("POST", "/webhooks/{id}/rotate-secret", #"{"overlapHours":0}"#, id: id)
        #expect(try await bench.show(id).text("previousSecretUntil") == nil)
        #expect(try await bench.call("POST", "/webhooks/{id}/rotate-secret", #"{"overlapHours":169}"#, id: id).status == 422)
    }

    @Test func `A test is sent once, also to an endpoint that is paused, and says nothing of how events fare`() async throws {
        let id = try await bench.create()
        #expect(try await bench.call("PATCH", "/webhooks/{id}", #"{"state":"paused"}"#, id: id).text("state") == "paused")
        bench.answer { _ in .success(OutgoingAnswer(status: 418, body: Array("short and stout".utf8))) }
        let test = try await bench.call("POST", "/webhooks/{id}/test", id: id)
        #expect(test.status == 202)
        #expect(try await bench.work() == 1)
        let shown = try await bench.call("GET", "/webhooks/{id}/deliveries/{delivery}", id: id, delivery: test.text("id")).json
        #expect(shown["state"] == .string("failed") && shown["log"]?[0]?["status"]?.integer == 418)
        #expect(shown["log"]?[0]?["answer"] == .string("short and stout"))
        #expect(try await bench.show(id).text("failingSince") == nil)
        #expect(try bench.sent.last?.json["type"] == .string("webhook.test"))
    }

    @Test func `What happens while an endpoint is paused is sent when it goes on, if that is within a week`() async throws {
        let id = try await bench.create()
        _ = try await bench.call("PATCH", "/webhooks/{id}", #"{"state":"paused"}"#, id: id)
        let (early, late) = (bench.story(bench.fixture.context.newID()), bench.story(bench.fixture.context.newID()))
        try await bench.archive(early)
        bench.clock.advance(by: .seconds(6 * 86_400))
        try await bench.archive(late)
        #expect(try await bench.work() == 0)
        bench.clock.advance(by: .seconds(2 * 86_400))
        try await bench.clean()
        _ = try await bench.call("PATCH", "/webhooks/{id}", #"{"state":"active"}"#, id: id)
        #expect(try await bench.work() == 3)
        #expect(bench.sent.map(\.event) == late.map(\.id))
        #expect(try await bench.deliveries(id, [("state", "failed")]).count == 3)
    }

    @Test func `A change leaves what it does not name, and null takes away`() async throws {
        let id = try await bench.create(types: ["OrderConfirmed"])
        let first = try await bench.call("PATCH", "/webhooks/{id}", #"{"url":"https://example.org/","description":"x"}"#, id: id)
        #expect(first.text("url") == "https://example.org/" && first.json["types"]?.array?.count == 1 && first.text("description") == "x")
        let second = try await bench.call("PATCH", "/webhooks/{id}", #"{"types":null,"description":null}"#, id: id)
        #expect(second.json["types"] == nil && second.json["description"] == nil && second.text("url") == "https://example.org/")
    }

    @Test(
        arguments: [
            (#"{}"#, "/url"), (#"{"url":"http://example.com"}"#, "/url"), (#"{"url":"https://127.0.0.1/"}"#, "/url"), (#"{"url":"https://0x7f.1/"}"#, "/url"),
            (#"{"url":"https://a@example.com/"}"#, "/url"), (#"{"url":"https://localhost/"}"#, "/url"), (#"{"url":7}"#, "/url"),
            (#"{"url":"https://example.com","types":[]}"#, "/types"), (#"{"url":"https://example.com","types":["Nothing"]}"#, "/types"),
            (#"{"url":"https://example.com","types":[7]}"#, "/types"), (#"{"url":"https://example.com","types":"OrderConfirmed"}"#, "/types"),
            (#"{"url":"https://example.com","secret":"whsec_x"}"#, "/secret"), (#"{"url":"https://example.com","state":"paused"}"#, "/state"),
        ])
    func `What makes no sense is refused with its place`(body: String, pointer: String) async throws {
        let reply = try await bench.call("POST", "/webhooks", body)
        #expect(reply.status == 422 && reply.json["errors"]?[0]?["pointer"] == .string(pointer), "\(reply.json)")
    }

    @Test func `Programs see their own webhooks, administrators all, and a foreign one is as unknown as none`() async throws {
        let (shop, other) = (Principal(subject: "shop", roles: [.service]), Principal(subject: "other", roles: [.service]))
        let mine = try await bench.create(as: shop)
        let house = try await bench.create()
        for (principal, count) in [(shop, 1), (other, 0), (WebhookBench.house, 2)] {
            #expect(try await bench.call("GET", "/webhooks", as: principal).json["items"]?.array?.count == count)
        }
        #expect(try await bench.show(mine).text("owner") == "shop")
        let nobody = "01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6"
        for (method, route) in [
            ("GET", "/webhooks/{id}"), ("PATCH", "/webhooks/{id}"), ("DELETE", "/webhooks/{id}"), ("POST", "/webhooks/{id}/test"),
            ("POST", "/webhooks/{id}/rotate-secret"), ("GET", "/webhooks/{id}/deliveries"), ("POST", "/webhooks/{id}/redeliver"),
            ("GET", "/webhooks/{id}/deliveries/{delivery}"), ("POST", "/webhooks/{id}/deliveries/{delivery}/redeliver"),
        ] {
            let query = route.hasSuffix("}/redeliver") && !route.contains("delivery}") ? [(name: "since", value: "2025-01-01")] : []
            let body = method == "PATCH" ? "{}" : nil
            let foreign = try await bench.call(method, route, body, id: mine, delivery: nobody, query: query, as: other)
            let unknown = try await bench.call(method, route, body, id: nobody, delivery: nobody, query: query, as: other)
            let of = try await bench.call(method, route, body, id: house, delivery: nobody, query: query, as: shop)
            #expect(foreign.status == 404 && of.status == 404 && foreign.json == unknown.json, "\(method) \(route)")
        }
        #expect(try await bench.deliveries(mine).isEmpty)
        // A delivery of one webhook is none of another's.
        try await bench.archive(bench.story(bench.fixture.context.newID()))
        let delivery = try #require(try await bench.deliveries(house).first?["id"]?.string)
        #expect(try await bench.call("GET", "/webhooks/{id}/deliveries/{delivery}", id: mine, delivery: delivery, as: shop).status == 404)
    }

    @Test func `Lists come in pages and can be narrowed`() async throws {
        let id = try await bench.create()
        let order = bench.fixture.context.newID()
        try await bench.archive(bench.story(order) + bench.story(bench.fixture.context.newID()))
        try await bench.work()
        var seen: [String] = []
        var cursor: String?
        repeat {
            let query = [(name: "limit", value: "2")] + (cursor.map { [(name: "cursor", value: $0)] } ?? [])
            let page = try await bench.call("GET", "/webhooks/{id}/deliveries", id: id, query: query)
            seen += page.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
            cursor = page.text("nextCursor")
        } while cursor != nil
        #expect(seen.count == 6 && Set(seen).count == 6 && seen == seen.sorted(by: >))
        #expect(try await bench.deliveries(id, [("orderId", "\(order)")]).count == 3)
        #expect(try await bench.deliveries(id, [("type", "OrderShipped"), ("state", "delivered")]).count == 2)
        for (name, value) in [("state", "lost"), ("orderId", "x"), ("limit", "0"), ("x", "1"), ("cursor", "z")] {
            #expect(try await bench.call("GET", "/webhooks/{id}/deliveries", id: id, query: [(name, value)]).status == 400, "\(name)")
        }
        for query in [[], [("since", "yesterday")], [("since", "2025-01-01"), ("after", "-1")]] as [[(name: String, value: String)]] {
            #expect(try await bench.call("POST", "/webhooks/{id}/redeliver", id: id, query: query).status == 400)
        }
    }

    /// Sends a request twice with a key, then once more with another body.
    private func twice(_ method: String, _ route: String, _ body: String? = nil, id: String? = nil, delivery: String? = nil) async throws -> String? {
        let query = route == "/webhooks/{id}/redeliver" ? [(name: "since", value: "2025-01-01")] : []
        let first = try await bench.call(method, route, body, id: id, delivery: delivery, query: query, key: "k")
        #expect((200..<300).contains(first.status), "\(method) \(route): \(first.json)")
        let again = try await bench.call(method, route, body, id: id, delivery: delivery, query: query, key: "k")
        #expect(again.status == first.status && again.json == first.json && again.headers[.idempotencyReplayed] == "true", "\(method) \(route)")
        let other = try await bench.call(method, route, (body ?? "") + " ", id: id, delivery: delivery, query: query, key: "k")
        #expect(other.problem == "idempotency-key-reused", "\(method) \(route): \(other.json)")
        return first.text("id")
    }

    @Test func `every change of a webhook is made once per key`() async throws {
        let id = try #require(try await twice("POST", "/webhooks", #"{"url":"https://example.com/"}"#))
        #expect(try await bench.call("GET", "/webhooks").json["items"]?.array?.count == 1)
        _ = try await twice("PATCH", "/webhooks/{id}", #"{"description":"x"}"#, id: id)
        _ = try await twice("POST", "/webhooks/{id}/test", id: id)
        #expect(try await bench.work() == 1)
        _ = try await twice("POST", "/webhooks/{id}/rotate-secret", "{}", id: id)
        try await bench.archive(bench.story(bench.fixture.context.newID()))
        #expect(try await bench.work() == 3)
        let delivery = try #require(try await bench.deliveries(id, [("type", "OrderShipped")]).first?["id"]?.string)
        _ = try await twice("POST", "/webhooks/{id}/deliveries/{delivery}/redeliver", id: id, delivery: delivery)
        #expect(try await bench.work() == 1)
        _ = try await twice("POST", "/webhooks/{id}/redeliver", id: id)
        #expect(try await bench.work() == 3)
        _ = try await twice("DELETE", "/webhooks/{id}", id: id)
        let actions = try await bench.fixture.database.read { try AdminLog.list(.init(subject: "webhook:\(id)"), before: nil, limit: 20, in: $0) }
        #expect(
            actions.reversed().map(\.action) == [
                "webhook.create", "webhook.change", "webhook.test", "webhook.rotate-secret", "webhook.redeliver", "webhook.redeliver", "webhook.delete",
            ])
    }

    @Test func `An owner has so many and no more`() async throws {
        let shop = Principal(subject: "shop", roles: [.service])
        for number in 0..<WebhookRequests.maximumPerOwner { _ = try await bench.create("https://example.com/\(number)", as: shop) }
        let more = try await bench.call("POST", "/webhooks", #"{"url":"https://example.com/more"}"#, as: shop)
        #expect(more.status == 409 && more.problem == "too-many-webhooks")
        _ = try await bench.create()
    }
}
