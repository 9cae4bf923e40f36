import Foundation
import Platform
import Testing
import WaybillClient
import Web
import Wire

@testable import waybill

/// The commands against a platform that asks who one is, on the machine where it keeps its keys.
@Suite struct CommandsWithTokensTests {
    private static func with(_ body: @escaping @Sendable (RunningPlatform, LocalPlace) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            func adjust(_ configuration: inout PlatformConfiguration) {
                RunningPlatform.patient(&configuration)
                configuration.authentication = .required(AuthenticationSettings())
            }
            try await RunningPlatform.with(folder: folder, adjust) { shop in try await body(shop, LocalPlace(flags: ["data": folder])) }
        }
    }

    private static func credentials(_ shop: RunningPlatform, _ place: LocalPlace, as role: Role = .admin, _ arguments: String...) throws -> Credentials {
        try Credentials.find(try ConnectionOptions.parse(["--url", shop.url] + arguments), role: role, place: place, environment: ["USER": "jo"])
    }

    @Test func `without a token a command is told how to get one, and with that of somebody else what he may not do`() async throws {
        try await Self.with { shop, place async throws in
            let refused = await #expect(throws: AccessRefused.self) {
                try await ClientOptions.withAPI(at: shop.url, connections: 1) { _ = try await $0.get("/orders") }
            }
            #expect(refused?.refusal.status == 401 && refused?.description.contains("waybill token") == true)
            let stream = await #expect(throws: AccessRefused.self) {
                try await ClientOptions.withAPI(at: shop.url, connections: 1) { for try await _ in $0.followAll(types: []) {} }
            }
            #expect(stream?.refusal.status == 401)
            let mint = try #require(try place.mint(environment: [:]))
            let alice = Credentials.made(by: mint, role: .customer, subject: "alice")
            let forbidden = await #expect(throws: AccessRefused.self) {
                try await ClientOptions.withAPI(at: shop.url, as: alice, connections: 1) { _ = try await $0.dashboard() }
            }
            #expect(forbidden?.refusal.status == 403)
        }
    }

    @Test func `on the platform's machine commands make their own tokens, and act in the user's name`() async throws {
        try await Self.with { shop, place async throws in
            let credentials = try Self.credentials(shop, place)
            #expect(credentials.origin == .made(keys: place.flags["data"] ?? ""))
            try await ClientOptions.withAPI(at: shop.url, as: credentials, connections: 8) { api in
                let stage = DemoStage(api: api, run: "run", isSilent: true)
                for scenario in [DemoScenario.happyPath, .declined, .offline, .shortAtOnce] {
                    let checks = try await scenario.play(stage)
                    let isAsExpected = checks.allSatisfy { $0.isMet }
                    #expect(isAsExpected, "\(scenario.name): \(checks)")
                }
                let audit = try await api.audit(after: nil, limit: 100, repair: false)
                #expect(audit["findings"]?.array?.isEmpty == true)
                let letters = try await api.deadLetterGroups(DeadLetterSelection())
                #expect(letters["items"]?.array?.isEmpty == true)
                let findings = await ExamineServer(api: api, url: shop.url, now: { SystemClock().now().milliseconds }, origin: credentials.origin)()
                #expect(findings.first(where: { $0.name == "access" })?.verdict == .ok)
                let events = try await api.events(limit: 1)
                #expect(events["items"]?.array?.count == 1)
            }
        }
    }

    @Test func `a replay reconciles and a hot product is sold once, by a program's token`() async throws {
        try await Self.with { shop, place async throws in
            let credentials = try Self.credentials(shop, place, as: .service)
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Fixtures/retail.csv").path
            let replay = Replay(
                plan: ReplayPlan(try RetailFile(path: file), limit: 50), connections: 8, retryFor: .seconds(60), mode: .silent, patience: .seconds(30))
            let report = try await ClientOptions.withAPI(at: shop.url, as: credentials, connections: 8) { try await replay($0) }
            #expect(report.isReconciled)
            let silent = ProgressBar("", unit: "", total: nil, mode: .silent)
            let result = try await ClientOptions.withAPI(at: shop.url, as: credentials, connections: 16) { api in
                try await HotProduct(api: api, sku: "HOT", units: 5, orders: 60, connections: 16)(progress: silent)
            }
            #expect(result.faults == [])
        }
    }

    @Test func `a bench places orders as one program, or as many customers with a token each`() async throws {
        try await Self.with { shop, place async throws in
            let credentials = try Self.credentials(shop, place, as: .service)
            let plan = LoadPlan(mode: .closed, connections: 4, warmup: .zero, duration: .seconds(2), products: 10, seed: 1)
            let mint = try place.mint(environment: [:])
            for customers in [nil, try await BenchCustomers(5, mint: mint, lasting: .seconds(60))] {
                let silent = ProgressBar("", unit: "", total: nil, mode: .silent)
                let (summary, orders) = try await ClientOptions.withAPI(at: shop.url, as: credentials, connections: 8) { api in
                    let summary = try await LoadRun(api: api, plan: plan, progress: silent, customers: customers)()
                    var orders = 0
                    for number in 0..<(customers?.headers.count ?? 0) {
                        try await api.eachOrder(OrderFilter(customerID: BenchCustomers.subject(number))) { _ in orders += 1 }
                    }
                    return (summary, orders)
                }
                // How many there are in the time is a matter of the machine.
                #expect(summary.errors == [:])
                #expect(customers == nil || orders > 0)
            }
        }
    }

    @Test func `a program gets its tokens at the platform's own endpoint, and places orders with them`() async throws {
        try await Self.with { shop, place async throws in
            let credentials = try Self.credentials(shop, place)
            let secret = try await ClientOptions.withAPI(at: shop.url, as: credentials, connections: 1) { api in
                _ = try await api.create(NewProduct(sku: "TEA", name: "Tea", price: "4.50", currency: "GBP", available: 10))
                let body = Array(#"{"clientId":"shop","roles":["service"]}"#.utf8)
                return try await api.send("POST", "/identity/clients", body: body)["clientSecret"]?.string ?? ""
            }
            let issuer = try HTTPClient(baseURL: shop.url)
            let tokens = RenewingToken.clientCredentials(id: "shop", secret: secret, at: TokenEndpoint(issuer))
            let http = try HTTPClient(baseURL: shop.url, tokens: tokens)
            let order = NewOrder(items: [.init(sku: "TEA", quantity: 1)], currency: "GBP", customerID: "alice")
            let placed = try await WaybillAPI(http).place(order, key: "first")
            #expect(placed.customerID == "alice")
            await #expect(throws: TokenDenied.self) { _ = try await Credentials.token(.init(clientID: "shop", secret: "wrong"), at: shop.url) }
            let login = try await Credentials.token(.init(clientID: "shop", secret: secret, scopes: ["orders:read"]), at: shop.url)
            let reader = try HTTPClient(baseURL: shop.url, tokens: StaticToken(login.value))
            let refused = await #expect(throws: APIError.self) { _ = try await WaybillAPI(reader).place(order, key: "second") }
            #expect(refused?.status == 403)
            for client in [issuer, http, reader] { await client.shutdown() }
        }
    }

    @Test func `the guide's example sells to a customer who says who he is`() async throws {
        try await Self.with { shop, place async throws in
            let mint = try #require(try place.mint(environment: [:]))
            let admin = Credentials.made(by: mint, role: .admin, subject: "cli-jo")
            try await ClientOptions.withAPI(at: shop.url, as: admin, connections: 1) { api in
                _ = try await api.create(NewProduct(sku: "TEA-001", name: "Tea", price: "4.50", currency: "GBP", available: 10))
            }
            let alice = try await mint.token(role: .customer, subject: "alice")
            let status = try await ClientGuideTests.sell(at: shop.url, as: StaticToken(alice.value))
            #expect(status == .paid)
        }
    }
}
