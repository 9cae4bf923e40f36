import Logging
import Platform
import TestDocuments
import Testing
import Web
import Wire

/// Role by owner by operation: every cell of the table, asked of a running platform that knows nothing of the table.
@Suite("Access matrix", .timeLimit(.minutes(5)), .enabled(if: TestTopology.current == .embedded))
struct AccessMatrixTests {
    @Test("docs/access.md is what the routes say")
    func table() async throws {
        try await RunningPlatform.with { platform in
            let document = try JSONParser.parse(try await platform.fetch("/openapi.json").body)
            let text = AccessRule.table(AccessRule.all(in: document))
            let isSame = try Document("docs/access.md").text(regeneratedAs: text) == text
            #expect(isSame, "docs/access.md is not what the routes say: run this test with WAYBILL_REGENERATE=1")
        }
    }

    @Test("every role, nobody, and every stranger is let in where the table says so, and nowhere else")
    func cells() async throws {
        try await withTemporaryFolder { folder in
            let people = try await Cast(folder: folder)
            try await RunningPlatform.with(folder: folder) { configuration in
                configuration.authentication = .required(AuthenticationSettings())
                RunningPlatform.patient(&configuration)
            } _: { platform in
                let document = try JSONParser.parse(try await platform.fetch("/openapi.json").body)
                let rules = AccessRule.all(in: document)
                #expect(rules.count > 50)
                let inquiry = Inquiry(platform: platform, people: people, order: try await people.order(on: platform))
                for rule in rules { try await inquiry.ask(rule) }
            }
        }
    }
}

/// Tokens of everybody who may come.
struct Cast: Sendable {
    /// By role; the customer is alice.
    private(set) var roles: [String: String] = [:]
    /// The same, each bound to a scope that no operation needs of him: `webhooks:read`, or `orders:read` where that is the one.
    private var narrow: [String: [String: String]] = [:]
    let stranger: String

    init(folder: String) async throws {
        let identity = LocalIdentity(PlatformConfiguration(storage: .folder(folder)), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for role in AccessRule.roles {
            let subject = role == "customer" ? "alice" : role
            roles[role] = try await identity.token(LocalToken(subject: subject, roles: [role]))
            for scope in ["webhooks:read", "orders:read"] {
                narrow[role, default: [:]][scope] = try await identity.token(LocalToken(subject: subject, roles: [role], scopes: [scope]))
            }
        }
        stranger = try await identity.token(LocalToken(subject: "mallory", roles: ["customer"]))
    }

    /// A token of a role that is bound to another scope than one.
    func bound(_ role: String, notTo scope: String) -> String? { narrow[role]?[scope == "webhooks:read" ? "orders:read" : "webhooks:read"] }

    /// An order of alice's.
    func order(on platform: RunningPlatform) async throws -> String {
        @Sendable func header(_ role: String) -> [(String, String)] { [("Authorization", "Bearer \(roles[role] ?? "")")] }
        let product = #"{"sku":"MINE","name":"Mine","price":"1.00","currency":"GBP","availableQuantity":1000}"#
        _ = try await platform.send("POST", "/inventory/products", product, headers: header("admin"))
        let order = #"{"currency":"GBP","items":[{"sku":"MINE","quantity":1}]}"#
        let answer = try await platform.send("POST", "/orders", order, headers: header("customer"))
        guard let id = answer.json["id"]?.string else { throw Unexpected("no order: \(answer.status) \(answer.json)") }
        // Its timeline is there when Operations has heard of it.
        try await platform.eventually("the order has a timeline") {
            try await platform.send("GET", "/orders/\(id)/events", headers: header("admin")).status == 200
        }
        return id
    }
}

/// Asks for one operation as everybody.
struct Inquiry {
    let platform: RunningPlatform
    let people: Cast
    let order: String

    /// Where a role may do a part of an operation only: what it may.
    private static let bodies = ["setOrderStatus": ["support": #"{"status":"CANCELLED"}"#, "finance": #"{"status":"PAID"}"#]]

    /// How an operation's gate answered.
    private enum Verdict: String {
        case entered = "is let in"
        case unauthenticated = "has to say who he is"
        case forbidden = "is refused for his role"
        case unscoped = "is refused for his scopes"
        case unknown = "is told that there is no such thing"
    }

    func ask(_ rule: AccessRule) async throws {
        let nobody = try await verdict(rule, nil)
        if rule.roles.isEmpty {
            #expect(nobody != .unauthenticated && nobody != .forbidden, "\(rule.id): nobody in particular \(nobody?.rawValue ?? "?")")
            return
        }
        #expect(nobody == .unauthenticated, "\(rule.id): nobody \(nobody?.rawValue ?? "?")")
        let liar = try await verdict(rule, "nonsense")
        #expect(liar == .unauthenticated, "\(rule.id): who brings nonsense \(liar?.rawValue ?? "?")")
        for role in AccessRule.roles {
            let isIn = rule.roles.contains(role)
            if isIn, let scope = rule.scope {
                let bound = try await verdict(rule, people.bound(role, notTo: scope))
                #expect(bound == .unscoped, "\(rule.id): \(role) with another scope \(bound?.rawValue ?? "?")")
            }
            // A stream that is let in never ends.
            if isIn, rule.isStream { continue }
            let verdict = try await verdict(rule, people.roles[role], body: Inquiry.bodies[rule.id]?[role])
            #expect(verdict == (isIn ? .entered : .forbidden), "\(rule.id): \(role) \(verdict?.rawValue ?? "?")")
        }
        if rule.roles.contains("customer"), let own = rule.own, own.hasPrefix("order-in") {
            let stranger = try await verdict(rule, people.stranger)
            #expect(stranger == .unknown, "\(rule.id): a stranger \(stranger?.rawValue ?? "?")")
        }
    }

    /// The order stands wherever an operation is about one; other things do not exist, and to be told so is to be let in.
    private func verdict(_ rule: AccessRule, _ token: String?, body: String? = nil) async throws -> Verdict? {
        let isOrder = rule.path.contains("/orders/{id}")
        var path = rule.path.replacing("{id}", with: isOrder ? order : "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42")
        for name in ["run", "type", "name", "delivery"] { path = path.replacing("{\(name)}", with: "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42") }
        if rule.own == "order-in-query:orderId" { path += "?orderId=\(order)" }
        let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
        let response = try await platform.answer(rule.method, path, body ?? rule.example, headers: headers)
        switch (response.status, response.json["type"]?.string?.split(separator: "/").last) {
        case (401, "unauthenticated"), (401, "invalid-token"): return .unauthenticated
        case (403, "forbidden"): return .forbidden
        case (403, "insufficient-scope"): return .unscoped
        case (404, _) where isOrder || rule.own != nil: return .unknown
        case (403, _), (429, _), (500..., _): return nil
        default: return .entered
        }
    }
}
