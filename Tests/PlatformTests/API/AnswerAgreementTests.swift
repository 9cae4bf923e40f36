import Testing
import Web
import Wire

/// What a running platform answers, compared with what its routes declare.
@Suite("Answers and their schemas", .timeLimit(.minutes(5)))
struct AnswerAgreementTests {
    /// Answers that have tests elsewhere, because they need something to be broken, or to wait: dead letters (`DeadLetterTests`), streams (`EventStreamTests`).
    private static let elsewhere: Set<String> = [
        "getDeadLetter 200", "archiveDeadLetter 200", "redriveDeadLetter 200", "rehearseDeadLetter 200", "editDeadLetter 200", "followOrder 200",
        "followEvents 200", "resumeOrder 200", "setOrderStatus 202",
    ]

    @Test("every answer is of a declared status and form, and every declared success is given")
    func answers() async throws {
        let operations = try await APIRoutes.operations()
        try await RunningPlatform.with(RunningPlatform.patient) { platform in
            let clerk = Clerk(platform: platform, operations: operations)
            let product = try await clerk.catalogue()
            try await clerk.orders(of: product)
            try await clerk.observers()
            try await clerk.operators()
            try await clerk.identity()
            try await clerk.webhooks()
            for (id, pair) in operations.sorted(by: { $0.key < $1.key }) {
                for status in pair.operation.replies.map(\.status) where (200..<300).contains(status) {
                    let name = "\(id) \(status)"
                    let isSeen = clerk.hasSeen(name)
                    #expect(isSeen != AnswerAgreementTests.elsewhere.contains(name), "\(name) was \(isSeen ? "given all the same" : "never given")")
                }
            }
        }
    }
}

extension Clerk {
    /// Products: added, shown, changed.
    func catalogue() async throws -> String {
        let input = #"{"sku":"TOLD","name":"Told","price":"2.50","currency":"GBP","availableQuantity":100}"#
        let product = try await ask("createProduct", body: input)["id"]?.string ?? ""
        _ = try await ask("createProduct", body: input, expecting: 409)
        _ = try await ask("upsertProducts", body: #"{"products":[\#(input)]}"#)
        _ = try await ask("listProducts", query: "?limit=1")
        _ = try await ask("getProduct", ["id": product])
        _ = try await ask("getProduct", ["id": "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42"], expecting: 404)
        _ = try await ask("updateProduct", ["id": product], body: input)
        _ = try await ask("adjustStock", ["id": product], body: #"{"delta":5}"#, expecting: 201)
        _ = try await ask("adjustStock", ["id": product], body: #"{"delta":-1000}"#, expecting: 409)
        _ = try await ask("checkAvailability", body: #"{"items":[{"sku":"TOLD","quantity":1},{"sku":"NONE","quantity":1}]}"#)
        return product
    }

    /// Orders: placed, watched, moved on, cancelled.
    func orders(of product: String) async throws {
        let place = #"{"customerId":"alice","currency":"GBP","items":[{"sku":"TOLD","quantity":2}],"shippingCountry":"Malta","metadata":{"a":"b"}}"#
        let shipped = try await ask("placeOrder", body: place, expecting: 202)["id"]?.string ?? ""
        _ = try await ask("placeOrder", body: place.replacing("2}", with: "20000}"), expecting: 409)
        _ = try await ask("placeOrder", body: place.replacing("TOLD", with: "NONE"), expecting: 422)
        _ = try await ask("placeOrder", body: "{", expecting: 400)
        try await platform.eventually(shipped, is: "PAID")
        for id in ["getOrder", "getOrderStatus", "getOrderEvents", "explainOrder"] {
            _ = try await ask(id, ["id": shipped])
            _ = try await ask(id, ["id": "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42"], expecting: 404)
        }
        _ = try await ask("listOrders", query: "?status=PAID&limit=1&from=2020-01-01")
        _ = try await ask("listOrders", query: "?status=GONE", expecting: 400)
        _ = try await ask("listPayments", query: "?orderId=\(shipped)")
        _ = try await ask("listPayments", expecting: 400)
        try await platform.eventually("a notification is sent") { try await ask("listNotifications", query: "?orderId=\(shipped)")["items"]?[0] != nil }
        _ = try await ask("setOrderStatus", ["id": shipped], body: #"{"status":"SHIPPED"}"#)
        _ = try await ask("setOrderStatus", ["id": shipped], body: #"{"status":"SHIPPED"}"#, expecting: 409)
        _ = try await ask("cancelOrder", ["id": shipped], expecting: 409)
        _ = try await ask("compensateOrder", ["id": shipped], expecting: 409)
        _ = try await ask("resumeOrder", ["id": shipped], expecting: 409)
        let cancelled = try await ask("placeOrder", body: place, expecting: 202)["id"]?.string ?? ""
        try await platform.eventually(cancelled, is: "PAID")
        _ = try await ask("cancelOrder", ["id": cancelled], body: #"{"reason":"no"}"#, expecting: 202)
        try await platform.eventually(cancelled, is: "CANCELLED")
        _ = try await ask("cancelOrder", ["id": cancelled])
        let compensated = try await ask("placeOrder", body: place, expecting: 202)["id"]?.string ?? ""
        try await platform.eventually(compensated, is: "PAID")
        _ = try await ask("compensateOrder", ["id": compensated])
    }

    /// Those who only look on.
    func observers() async throws {
        for query in ["", "?from=2020-01-01&granularity=hour&top=5", "?granularity=day"] { _ = try await ask("showDashboard", query: query) }
        _ = try await ask("showDashboard", query: "?granularity=week", expecting: 400)
        _ = try await ask("showAnalyticsMetrics")
        _ = try await ask("rebuildAnalytics")
        _ = try await ask("listEvents", query: "?limit=10&type=OrderCreated,OrderConfirmed")
        _ = try await ask("listEvents", query: "?type=Nothing", expecting: 400)
        _ = try await ask("listEventSchemas")
        _ = try await ask("getEventSchema", ["type": "OrderCreated"])
        _ = try await ask("getEventSchema", ["type": "Nothing"], expecting: 404)
    }

    /// An endpoint that is never reached: where this runs the name is nobody's.
    func webhooks() async throws {
        let body = #"{"url":"https://hooks.example/a","types":["OrderConfirmed"],"description":"told"}"#
        let webhook = try await ask("createWebhook", body: body)["id"]?.string ?? ""
        _ = try await ask("listWebhooks", query: "?limit=1")
        _ = try await ask("getWebhook", ["id": webhook])
        let delivery = try await ask("testWebhook", ["id": webhook], expecting: 202)["id"]?.string ?? ""
        _ = try await ask("listWebhookDeliveries", ["id": webhook])
        _ = try await ask("getWebhookDelivery", ["id": webhook, "delivery": delivery])
        _ = try await ask("redeliverWebhookMessage", ["id": webhook, "delivery": delivery], expecting: 202)
        _ = try await ask("redeliverWebhook", ["id": webhook], query: "?since=2020-01-01", expecting: 202)
        _ = try await ask("rotateWebhookSecret", ["id": webhook], body: "{}")
        _ = try await ask("changeWebhook", ["id": webhook], body: #"{"state":"paused"}"#)
        _ = try await ask("redeliverWebhookMessage", ["id": webhook, "delivery": delivery], expecting: 409)
        _ = try await ask("deleteWebhook", ["id": webhook])
        _ = try await ask("getWebhook", ["id": webhook], expecting: 404)
    }

    /// Programs, people, keys and their tokens.
    func identity() async throws {
        let secret = try await ask("createClient", body: #"{"clientId":"shop","roles":["service"]}"#)["clientSecret"]?.string ?? ""
        _ = try await ask("createClient", body: #"{"clientId":"shop","roles":["service"]}"#, expecting: 409)
        let credentials = #"{"grant_type":"client_credentials","client_id":"shop","client_secret":"SECRET"}"#
        _ = try await ask("issueToken", body: credentials.replacing("SECRET", with: secret))
        _ = try await ask("issueToken", body: credentials, expecting: 401)
        _ = try await ask("issueToken", body: #"{"grant_type":"magic"}"#, expecting: 400)
        _ = try await ask("listClients", query: "?limit=1")
        _ = try await ask("revokeClient", ["id": "shop"])
        _ = try await ask("revokeClient", ["id": "nobody"], expecting: 404)
        let user = #"{"name":"bob","password":"a long password","roles":["customer"],"scopes":["orders:read"]}"#
        _ = try await ask("createUser", body: user)
        _ = try await ask("createUser", body: user, expecting: 409)
        _ = try await ask("listUsers")
        let login = #"{"grant_type":"password","username":"bob","password":"a long password"}"#
        let refresh = try await ask("issueToken", body: login)["refresh_token"]?.string ?? ""
        _ = try await ask("revokeToken", body: #"{"token":"\#(refresh)"}"#)
        _ = try await ask("deleteUser", ["name": "bob"])
        let key = try await ask("createAPIKey", body: #"{"name":"import","roles":["service"],"expiresAt":"2126-01-01T00:00:00Z"}"#)["id"]?.string ?? ""
        _ = try await ask("listAPIKeys")
        _ = try await ask("revokeAPIKey", ["id": key])
        _ = try await ask("listSigningKeys")
        let next = try await ask("rotateSigningKeys", body: "{}")["id"]?.string ?? ""
        _ = try await ask("revokeSigningKey", ["id": next])
        _ = try await ask("revokeTokenByID", ["id": key])
        _ = try await ask("revokeSubject", ["subject": "mallory"])
        _ = try await ask("revokeSubject", ["subject": "mal%20lory"], expecting: 404)
        _ = try await ask("listRevocations", query: "?limit=1")
        _ = try await ask("listIdentityActions", query: "?limit=3")
    }

    /// Those who look after the platform.
    func operators() async throws {
        _ = try await ask("listDeadLetters")
        _ = try await ask("listDeadLetters", query: "?groupBy=error&consumer=payments&olderThan=1h&state=all")
        _ = try await ask("listDeadLetters", query: "?olderThan=old", expecting: 400)
        let letter = ["id": "payments:019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42"]
        _ = try await ask("getDeadLetter", letter, expecting: 404)
        _ = try await ask("redriveDeadLetter", letter, expecting: 404)
        _ = try await ask("rehearseDeadLetter", letter, expecting: 404)
        _ = try await ask("archiveDeadLetter", letter, query: "?reason=test", expecting: 404)
        _ = try await ask("startRedrive", body: #"{"preview":true}"#)
        let run = try await ask("startRedrive", body: #"{"all":true}"#, expecting: 202)["id"]?.string ?? ""
        _ = try await ask("getRedrive", ["run": run])
        _ = try await ask("listRedrives")
        _ = try await ask("stopRedrive", ["run": run])
        _ = try await ask("listAdminActions", query: "?limit=5")
        _ = try await ask("showAudit")
        _ = try await ask("runAudit", body: "{}")
        _ = try await ask("runAudit", body: #"{"limit":1}"#)
        _ = try await ask("runAudit", body: #"{"limit":0}"#, expecting: 422)
        _ = try await ask("listAuditRules")
        _ = try await ask("listStuckOrders", query: "?overdue=false&limit=5")
    }
}
