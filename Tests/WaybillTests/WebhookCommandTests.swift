import ArgumentParser
import Synchronization
import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("Webhooks on the command line and in the client library")
struct WebhookCommandTests {
    private static let id = "01890a5d-ac96-774b-bcce-b302099a8057"
    private static let webhook =
        #"{"id":"\#(id)","url":"https://hooks.example/","state":"active","owner":"house","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z","secret":"whsec_x"}"#
    private static let delivery = #"{"id":"\#(id)","type":"OrderConfirmed","state":"delivered","attempts":1,"createdAt":"2026-01-01T00:00:00Z","log":[]}"#

    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Waybill.parseAsRoot(["webhooks"] + arguments) as? Command)
    }

    private func refuses(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try Waybill.parseAsRoot(["webhooks"] + arguments) }
    }

    @Test("Arguments that make no sense are refused")
    func arguments() throws {
        let create = try parse(WebhooksCreateCommand.self, "create", "https://hooks.example", "--type", "OrderConfirmed", "--type", "OrderShipped")
        #expect(create.endpoint == "https://hooks.example" && create.type == ["OrderConfirmed", "OrderShipped"])
        let change = try parse(WebhooksChangeCommand.self, "change", WebhookCommandTests.id, "--all-types", "--pause").change
        #expect(change.types == [] && change.state == "paused" && change.url == nil)
        #expect(try parse(WebhooksChangeCommand.self, "change", WebhookCommandTests.id, "--resume").change.types == nil)
        #expect(try parse(WebhooksRedeliverCommand.self, "redeliver", WebhookCommandTests.id, "--since", "2026-01-01").delivery == nil)
        refuses("create")
        refuses("show", "nonsense")
        refuses("change", WebhookCommandTests.id)
        refuses("change", WebhookCommandTests.id, "--pause", "--resume")
        refuses("change", WebhookCommandTests.id, "--all-types", "--type", "OrderConfirmed")
        refuses("redeliver", WebhookCommandTests.id)
        refuses("redeliver", WebhookCommandTests.id, WebhookCommandTests.id, "--since", "2026-01-01")
        refuses("deliveries", WebhookCommandTests.id, "--state", "lost")
        refuses("deliveries", WebhookCommandTests.id, "--limit", "0")
        refuses("test", WebhookCommandTests.id, "--wait", "0")
    }

    @Test("Every route of webhooks has its function, and what is sent is what the platform takes")
    func client() async throws {
        let seen = Mutex<[String]>([])
        let server = try await FakePlatform.start { request in
            let path = request.path.replacing("/api/v1/webhooks", with: "")
            let body = String(decoding: request.body, as: UTF8.self)
            let line = "\(request.method) \(path.replacing(WebhookCommandTests.id, with: "{id}"))\(request.query.isEmpty ? "" : "?" + request.query) \(body)"
            seen.withLock { $0.append(line) }
            switch (request.method, path.split(separator: "/").last.map(String.init) ?? "") {
            case ("GET", ""): return .init(body: #"{"items":[\#(WebhookCommandTests.webhook)]}"#)
            case ("GET", "deliveries"): return .init(body: #"{"items":[\#(WebhookCommandTests.delivery)]}"#)
            case ("POST", "redeliver") where !request.query.isEmpty:
                return .init(status: 202, body: #"{"scheduled":2,"next":7,"more":\#(request.query.contains("after=") ? "false" : "true")}"#)
            case (_, "test"), (_, "redeliver"): return .init(status: 202, body: WebhookCommandTests.delivery)
            case (_, _) where path.contains("/deliveries/"): return .init(body: WebhookCommandTests.delivery)
            default: return .init(body: WebhookCommandTests.webhook)
            }
        }
        let api = WaybillAPI(try HTTPClient(baseURL: server.url))
        let id = try #require(Identifier(WebhookCommandTests.id))
        let made = try await api.createWebhook(url: "https://hooks.example/", types: ["OrderConfirmed"], description: "x")
        let all = try await api.webhooks()
        let one = try await api.webhook(id)
        _ = try await api.changeWebhook(id, WebhookChange(types: [], description: "", state: "paused"))
        _ = try await api.rotateWebhookSecret(id, overlapHours: 2)
        let test = try await api.testWebhook(id)
        let list = try await api.webhookDeliveries(id, state: "failed", limit: 10)
        _ = try await api.webhookDelivery(id, of: id)
        _ = try await api.redeliver(id, of: id)
        let count = try await api.redeliverAll(of: id, since: "2026-01-01T00:00:00Z")
        _ = try await api.deleteWebhook(id)
        await api.http.shutdown()
        try await server.stop()
        #expect(made.secret == "whsec_x" && all.count == 1 && one.state == "active" && test.type == "OrderConfirmed" && list.count == 1 && count == 4)
        #expect(
            seen.withLock { $0 } == [
                #"POST  {"url":"https://hooks.example/","types":["OrderConfirmed"],"description":"x"}"#, "GET ?limit=500 ", "GET /{id} ",
                #"PATCH /{id} {"types":null,"description":null,"state":"paused"}"#, #"POST /{id}/rotate-secret {"overlapHours":2}"#, "POST /{id}/test ",
                "GET /{id}/deliveries?state=failed&limit=10 ", "GET /{id}/deliveries/{id} ", "POST /{id}/deliveries/{id}/redeliver ",
                "POST /{id}/redeliver?since=2026-01-01T00%3A00%3A00Z ", "POST /{id}/redeliver?since=2026-01-01T00%3A00%3A00Z&after=7 ", "DELETE /{id} ",
            ])
    }
}
