import Foundation
import Platform
import Security
import Synchronization
import TestReceiver
import Testing
import WaybillClient
import Web
import Wire

/// Webhooks through the whole platform, with an endpoint on the loopback address.
@Suite(.timeLimit(.minutes(5))) struct WebhookTests {
    /// An endpoint that can be told what to answer.
    private final class Endpoint: Sendable {
        let status = Mutex(204)
        /// The messages that it has taken, in order.
        let taken = Mutex<[Receiver.Request]>([])

        func receive(_ request: Receiver.Request) -> Receiver.Answer {
            let status = status.withLock { $0 }
            if status < 300 { taken.withLock { $0.append(request) } }
            return .status(status)
        }

        /// The events that it has taken of an order, each where it came first.
        func events(of order: String) -> [String] {
            var seen: Set<String> = []
            return taken.withLock { $0 }.compactMap { request in
                guard let data = try? JSONParser.parse(request.body)["data"], data["orderId"]?.string == order else { return nil }
                return data["eventId"]?.string.flatMap { seen.insert($0).inserted ? $0 : nil }
            }
        }
    }

    private static func allow(_ networks: String...) -> @Sendable (inout PlatformConfiguration) -> Void {
        { configuration in
            configuration.webhookNetworks = networks.compactMap { NetworkRange($0) }
            RunningPlatform.patient(&configuration)
        }
    }

    /// The archive's events of an order, in the archive's order.
    private static func archived(_ shop: RunningPlatform, _ order: String) async throws -> [String] {
        let items = try await shop.send("GET", "/events?limit=1000").json["items"]?.array ?? []
        return items.compactMap { $0["body"] }.filter { $0["orderId"]?.string == order }.compactMap { $0["eventId"]?.string }
    }

    @Test func `An endpoint is told everything that happens to an order, in order and signed`() async throws {
        let endpoint = Endpoint()
        let receiver = try await Receiver.start { endpoint.receive($0) }
        let url = receiver.url
        try await RunningPlatform.with(WebhookTests.allow("127.0.0.0/8")) { shop in
            try await shop.product("TEA", units: 10)
            let made = try await shop.send("POST", "/webhooks", #"{"url":"\#(url)/hooks"}"#)
            #expect(made.status == 201, "\(made.json)")
            let id = made.json["id"]?.string ?? ""
            let order = try await shop.order("TEA")
            try await shop.eventually(order, is: "PAID")
            try await shop.eventually("all is told") {
                let expected = try await WebhookTests.archived(shop, order)
                return expected.count >= 4 && endpoint.events(of: order) == expected
            }
            let secret = try #require(Data(base64Encoded: String(made.json["secret"]?.string?.dropFirst(6) ?? "")))
            let key = HMACKey(Array(secret))
            for message in endpoint.taken.withLock({ $0 }) {
                let (name, time) = (message.header("webhook-id") ?? "", message.header("webhook-timestamp") ?? "")
                let signature = Data(key.code(for: Array("\(name).\(time).".utf8) + message.body)).base64EncodedString()
                #expect(message.header("webhook-signature") == "v1,\(signature)" && message.path == "/hooks" && message.method == "POST")
            }
            #expect(try await shop.send("GET", "/webhooks/\(id)/deliveries?state=delivered&orderId=\(order)").json["items"]?.array?.isEmpty == false)
            let ping = try await shop.send("POST", "/webhooks/\(id)/test")
            #expect(ping.status == 202)
            try await shop.eventually("the test is delivered") {
                try await shop.send("GET", ping.headers("Location") ?? "").json["state"] == .string("delivered")
            }
            let metrics = try await shop.client.send(ClientRequest(path: "/metrics")).text
            for name in ["waybill_webhook_pending", "waybill_webhook_running", "waybill_webhook_oldest_pending_seconds"] { #expect(metrics.contains(name)) }
            #expect(try await shop.send("DELETE", "/webhooks/\(id)").status == 200)
            #expect(try await shop.send("GET", "/webhooks/\(id)").status == 404)
            try await shop.isSound()
        }
        try await receiver.stop()
    }

    @Test func `What an endpoint could not be told before a restart it is told after it, in order`() async throws {
        let endpoint = Endpoint()
        endpoint.status.withLock { $0 = 500 }
        let receiver = try await Receiver.start { endpoint.receive($0) }
        let url = receiver.url
        try await withTemporaryFolder { folder in
            let placed = Names()
            try await RunningPlatform.with(folder: folder, clock: FastClock(), WebhookTests.allow("127.0.0.1")) { shop in
                try await shop.product("TEA", units: 100)
                #expect(try await shop.send("POST", "/webhooks", #"{"url":"\#(url)/"}"#).status == 201)
                for _ in 0..<10 { await placed.add(try await shop.order("TEA")) }
                for id in await placed.all { try await shop.eventually(id, is: "PAID") }
                try await shop.eventually("it was tried") { receiver.seen.count >= 10 }
            }
            endpoint.status.withLock { $0 = 200 }
            try await RunningPlatform.with(folder: folder, clock: FastClock(), WebhookTests.allow("127.0.0.1")) { shop in
                for id in await placed.all {
                    try await shop.eventually("all of \(id) is told") {
                        let expected = try await WebhookTests.archived(shop, id)
                        return expected.count >= 4 && endpoint.events(of: id) == expected
                    }
                }
            }
        }
        try await receiver.stop()
    }

    @Test func `An endpoint in our own network is refused, when it is named and when a name leads there`() async throws {
        let receiver = try await Receiver.start { _ in .status(200) }
        let port = receiver.port
        try await RunningPlatform.with { shop in
            for url in ["http://127.0.0.1:\(port)/", "https://127.0.0.1:\(port)/", "https://localhost:\(port)/", "http://localhost:\(port)/"] {
                let answer = try await shop.send("POST", "/webhooks", #"{"url":"\#(url)"}"#)
                #expect(answer.status == 422 && answer.json["errors"]?[0]?["pointer"] == .string("/url"), "\(url)")
            }
        }
        // Where any network is allowed, names are not judged before they are resolved.
        try await RunningPlatform.with(WebhookTests.allow("10.0.0.0/8")) { shop in
            for scheme in ["http", "https"] {
                let made = try await shop.send("POST", "/webhooks", #"{"url":"\#(scheme)://localhost:\#(port)/"}"#)
                #expect(made.status == 201)
                let ping = try await shop.send("POST", "/webhooks/\(made.json["id"]?.string ?? "")/test").headers("Location") ?? ""
                try await shop.eventually("the test failed") { try await shop.send("GET", ping).json["state"] == .string("failed") }
                let error = try await shop.send("GET", ping).json["lastError"]?.string ?? ""
                // Where the name leads is not told.
                #expect(error.contains("refused") && !error.contains("127.") && !error.contains("loopback"), "\(error)")
            }
        }
        #expect(receiver.seen.isEmpty)
        try await receiver.stop()
    }
}
