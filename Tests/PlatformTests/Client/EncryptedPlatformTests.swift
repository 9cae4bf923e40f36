#if ENGINE_TLS
    import Foundation
    import Platform
    import TestCertificates
    import Testing
    import WaybillClient
    import Web
    import Wire

    @testable import waybill

    /// The commands against a platform that speaks TLS and asks who one is.
    @Suite(.timeLimit(.minutes(3))) struct EncryptedPlatformTests {
        /// A platform's address, whom to believe that it is the platform, and in whose name it is spoken to.
        private struct Shop: Sendable {
            let url: String
            let authorities: String
            let credentials: Credentials
            let place: LocalPlace

            func withAPI<T>(connections: Int = 8, _ body: (WaybillAPI) async throws -> T) async throws -> T {
                try await ClientOptions.withAPI(at: url, trusting: authorities, as: credentials, connections: connections, body)
            }
        }

        private static func with(_ body: @escaping @Sendable (Shop) async throws -> Void) async throws {
            try await TestCertificate.with(names: "DNS:localhost") { certificate in
                try await withTemporaryFolder { folder in
                    func adjust(_ configuration: inout PlatformConfiguration) {
                        RunningPlatform.patient(&configuration)
                        configuration.authentication = .required(AuthenticationSettings())
                        configuration.edge.tls = TLSFiles(certificate: certificate.path, key: certificate.key)
                    }
                    try await RunningPlatform.with(folder: folder, adjust) { running in
                        let url = "https://localhost:" + (running.url.split(separator: ":").last ?? "")
                        let place = LocalPlace(flags: ["data": folder])
                        let options = try ConnectionOptions.parse(["--url", url, "--ca-file", certificate.path])
                        let credentials = try Credentials.find(options, role: .admin, place: place, environment: ["USER": "jo"])
                        try await body(Shop(url: url, authorities: certificate.path, credentials: credentials, place: place))
                    }
                }
            }
        }

        @Test func `orders are placed, followed and audited`() async throws {
            try await Self.with { shop async throws in
                try await shop.withAPI { api in
                    let stage = DemoStage(api: api, run: "run", isSilent: true)
                    for scenario in [DemoScenario.happyPath, .declined, .shortAtOnce] {
                        let checks = try await scenario.play(stage)
                        let isAsExpected = checks.allSatisfy { $0.isMet }
                        #expect(isAsExpected, "\(scenario.name): \(checks)")
                    }
                    let audit = try await api.audit(after: nil, limit: 100, repair: false)
                    #expect(audit["findings"]?.array?.isEmpty == true)
                    let findings = await ExamineServer(
                        api: api, url: shop.url, authorities: shop.authorities, now: { SystemClock().now().milliseconds }, origin: shop.credentials.origin)()
                    #expect(findings.contains { $0.name == "access" } && findings.allSatisfy { $0.verdict != .fail }, "\(findings)")
                }
            }
        }

        @Test func `an order's events come as they happen, and many requests at once share connections`() async throws {
            try await Self.with { shop async throws in
                try await shop.withAPI(connections: 16) { api in
                    _ = try await api.create(NewProduct(sku: "TEA", name: "Tea", price: "4.50", currency: "GBP", available: 1000))
                    let silent = ProgressBar("", unit: "", total: nil, mode: .silent)
                    let result = try await HotProduct(api: api, sku: "HOT", units: 5, orders: 60, connections: 16)(progress: silent)
                    #expect(result.faults == [])
                    let order = NewOrder(items: [.init(sku: "TEA", quantity: 1)], currency: "GBP", customerID: "alice")
                    let placed = try await api.place(order, key: "first")
                    let again = try await api.place(order, key: "first")
                    #expect(again.id == placed.id)
                    var types: [String] = []
                    for try await event in api.follow(placed.id) {
                        types.append(event.event)
                        let status = try await api.status(placed.id)
                        if status.isSettled { break }
                    }
                    #expect(!types.isEmpty)
                }
            }
        }

        @Test func `a program gets its tokens over TLS, and bench and replay work as without`() async throws {
            try await Self.with { shop async throws in
                let secret = try await shop.withAPI { api in
                    let body = Array(#"{"clientId":"shop","roles":["service"]}"#.utf8)
                    return try await api.send("POST", "/identity/clients", body: body)["clientSecret"]?.string ?? ""
                }
                let login = SavedLogins.Login(clientID: "shop", secret: secret)
                let token = try await Credentials.token(login, at: shop.url, trusting: shop.authorities)
                #expect(!token.value.isEmpty)
                let silent = ProgressBar("", unit: "", total: nil, mode: .silent)
                let plan = LoadPlan(mode: .closed, connections: 4, warmup: .zero, duration: .seconds(2), products: 10, seed: 1)
                let summary = try await shop.withAPI { try await LoadRun(api: $0, plan: plan, progress: silent, customers: nil)() }
                #expect(summary.errors == [:])
                let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Fixtures/retail.csv").path
                let replay = Replay(
                    plan: ReplayPlan(try RetailFile(path: file), limit: 50), connections: 8, retryFor: .seconds(60), mode: .silent, patience: .seconds(30))
                let report = try await shop.withAPI { try await replay($0) }
                #expect(report.isReconciled)
            }
        }
    }
#endif
