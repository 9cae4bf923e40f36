import Platform
import Testing

@testable import waybill

@Suite("Settings that must go together")
struct SettingsChecksTests {
    private static let engines: Set<String> = ["postgres", "kafka", "rabbitmq", "redis"]
    private static let split = """
        storage: postgres
        postgres: {url: "postgres://w@db/waybill_{service}"}
        broker: kafka
        kafka: {bootstrap: "k:9092", create_topics: false, compression: zstd, topic_properties: {retention.ms: 1000}}
        upstreams: {orders: http://o, inventory: http://i, payments: http://p, notifications: http://n, analytics: http://a, operations: http://s, identity: http://d}
        internal_secret: between-ourselves-and-nobody-else-123

        """

    private func mistakes(_ yaml: String, _ environment: [String: String] = [:], flags: [String: String] = [:], built: Set<String> = engines) throws -> [String]
    {
        try SettingsTests.settings(yaml, environment, flags: flags).allMistakes(built: built)
    }

    /// Whether a mistake begins as expected; `x.yaml` stands for the file, wherever it lies.
    private static func isSuch(_ found: String, _ expected: String) -> Bool {
        expected.hasPrefix("x.yaml:") ? found.contains(expected.dropFirst("x.yaml".count)) : found.hasPrefix(expected)
    }

    @Test("the default is a platform")
    func standard() throws { #expect(try mistakes("", built: []) == []) }

    @Test("every part of a split platform runs with the same file", arguments: ServiceName.allCases)
    func parts(service: ServiceName) throws {
        #expect(try mistakes(Self.split, flags: ["services": service.rawValue]) == [])
    }

    @Test(
        "what does not go together is told with what to do",
        arguments: [
            (
                "services: [orders]\nauth: off",
                ["storage: sqlite keeps", "broker: embedded hands", "upstreams.inventory: must name where inventory runs, because orders asks it"]
            ),
            ("services: [order]", ["services: \"order\" is no service; did you mean \"orders\"?"]),
            ("services: [all, orders]", ["services: \"all\" stands alone"]), ("services: []", ["services: names nothing"]),
            ("storage: postgres", ["postgres.url: must be set"]),
            ("storage: postgres\npostgres: {url: \"postgres://db/waybill\"}", []),
            ("storage: postgres\npostgres: {url: \"postgres://db/waybill\", schema_prefix: pg_shop}", ["postgres.schema_prefix: must not begin with pg_"]),
            (
                "storage: postgres\npostgres: {url: \"postgres://db/waybill\", schema_prefix: \(String(repeating: "x", count: 48))}",
                ["postgres.schema_prefix: must have at most 47 bytes"]
            ),
            ("broker: kafka", ["kafka.bootstrap: must be set"]), ("broker: rabbitmq", ["rabbitmq.url: must be set"]),
            ("cache: redis", ["redis.url: must be set"]), ("rate_limits: {store: redis}", ["redis.url: must be set where rate_limits.store is redis"]),
            ("rate_limits: {store: redis}\nredis: {url: \"redis://r\"}", []),
            ("rate_limits: {reads_per_second: 0}", ["x.yaml:1: rate_limits.reads_per_second: \"0\" is not"]),
            ("upstreams: {orders: [http://a, http://b]}", ["storage: sqlite keeps a service's data in one process, and upstreams.orders", "broker: embedded"]),
            ("upstreams: {orders: [https://a]}", ["upstreams.orders: processes speak http"]),
            (
                "services: [gateway]\nauth: off\nupstreams: {orders: http://o}",
                ["inventory", "payments", "notifications", "analytics", "operations"].map { "upstreams.\($0): must name" }
            ),
            ("internal_secret: short", ["internal_secret: must be at least 16"]), ("instance: a b", ["instance: must be"]), ("data: \"\"\nhost: \"\"", []),
        ] as [(String, [String])])
    func refusals(yaml: String, expected: [String]) throws {
        let found = try mistakes(yaml)
        #expect(found.count == expected.count, "\(found)")
        for (found, expected) in zip(found, expected) { #expect(Self.isSuch(found, expected), "\(found)") }
    }

    @Test(
        "what is said of tokens must go together",
        arguments: [
            ("auth: {mode: off}", []), ("auth: {mode: maybe}", ["x.yaml:1: auth: \"maybe\" is none of required, off"]),
            ("auth: {identity: false}", ["auth.identity: is false and auth.provider_issuers names nobody"]),
            ("auth: {provider_issuers: [http://k]}", ["auth.jwks_urls: must say where"]),
            ("auth: {jwks_urls: [http://k/jwks]}", ["auth.provider_issuers: must name whose"]),
            ("auth: {provider_issuers: [http://k], jwks_urls: [ftp://k/jwks]}", ["auth.jwks_urls: The URL"]),
            ("auth: {provider_issuers: [\"http://waybill.local/identity\"], jwks_urls: [http://k/jwks]}", ["auth.provider_issuers: must not have auth.issuer"]),
            ("auth: {provider_issuers: [http://k], hs256_secret: short}", ["auth.hs256_secret: must be at least 32"]),
            ("auth: {provider_issuers: [http://k], jwks_files: [k.json], role_names: {boss: king}}", ["auth.role_names: there is no role \"king\""]),
        ] as [(String, [String])])
    func authentication(yaml: String, expected: [String]) throws {
        let found = try mistakes(yaml)
        #expect(found.count == expected.count, "\(found)")
        for (found, expected) in zip(found, expected) { #expect(Self.isSuch(found, expected), "\(found)") }
    }

    @Test("tokens must have an issuer")
    func issuer() throws { #expect(try mistakes("", flags: ["auth.issuer": ""]) == ["auth.issuer: must not be empty"]) }

    @Test("a split platform that asks who sends a request needs a secret")
    func splitSecret() throws {
        let short = Self.split.replacing("between-ourselves-and-nobody-else-123", with: "between-ourselves-123")
        #expect(try mistakes(short, flags: ["services": "orders"]).map { String($0.prefix(16)) } == ["internal_secret:"])
        #expect(try mistakes(short + "auth: off\n", flags: ["services": "orders"]) == [])
    }

    @Test("what is set about tokens becomes the platform's")
    func authenticationOfAPlatform() throws {
        let yaml = """
            auth:
              mode: required
              issuer: https://id.example
              token_minutes: 5
              provider_issuers: [http://kc/realms/shop]
              jwks_urls: [https://kc/certs]
              roles_claim: realm_access.roles
              role_names: {clerk: support}
              default_roles: [customer]

            """
        let platform = try SettingsTests.settings(yaml).platform()
        var provider = IdentityProvider(issuers: ["http://kc/realms/shop"])
        (provider.keyURLs, provider.rolesClaim) = (["https://kc/certs"], "realm_access.roles")
        (provider.roleNames, provider.defaultRoles) = (["clerk": "support"], ["customer"])
        var expected = AuthenticationSettings()
        expected.provider = provider
        #expect(platform.authentication == .required(expected))
        #expect(platform.identity.issuer == "https://id.example" && platform.identity.tokenMilliseconds == 300_000)
        #expect(try SettingsTests.settings("auth: off").platform().authentication == .off)
        #expect(try SettingsTests.settings("").platform().authentication == .required(AuthenticationSettings()))
    }

    @Test("limits become the platform's; a Redis that only counts requests is used")
    func limits() throws {
        let yaml = """
            rate_limits: {store: redis, reads_per_second: 7, writes_per_second: 6, heavy_per_minute: 5, tokens_per_minute: 4, refusals_per_minute: 3}
            limits: {unpaid_orders_per_customer: 2, unpaid_units_per_customer: 9}
            redis: {url: "redis://r"}

            """
        let settings = try SettingsTests.settings(yaml)
        #expect(!settings.remarks().contains { $0.hasPrefix("redis.url") })
        let platform = settings.platform()
        #expect(platform.rateLimits.store == .redis(url: Secret("redis://r")))
        let limits = platform.rateLimits.limits
        #expect([limits.readsPerSecond, limits.writesPerSecond, limits.heavyPerMinute, limits.tokensPerMinute, limits.refusalsPerMinute] == [7, 6, 5, 4, 3])
        #expect(platform.orders.unpaidOrdersPerCustomer == 2 && platform.orders.unpaidUnitsPerCustomer == 9)
        let standard = try SettingsTests.settings("").platform().rateLimits
        #expect(standard.store == .memory && standard.limits.readsPerSecond == 100)
    }

    @Test("whoever only opens the engines need not say what runs where")
    func engines() throws {
        let yaml = "services: [orders]\nstorage: postgres\npostgres: {url: \"postgres://db/waybill_{service}\"}\nbroker: kafka\n"
        let settings = try SettingsTests.settings(yaml)
        #expect(settings.engineMistakes(withBroker: false, built: Self.engines) == [])
        #expect(settings.engineMistakes(withBroker: true, built: Self.engines).map { String($0.prefix(16)) } == ["kafka.bootstrap:"])
        #expect(settings.engineMistakes(withBroker: false, built: []).count == 1)
    }

    @Test("a memory cache is one process's own")
    func memoryCache() throws {
        let yaml = Self.split.replacing("orders: http://o", with: "orders: [http://o, http://o2]") + "cache: memory\n"
        #expect(try mistakes(yaml, flags: ["services": "orders"]).map { String($0.prefix(13)) } == ["cache: memory"])
        #expect(try mistakes(yaml, flags: ["services": "inventory"]) == [])
    }

    @Test("an engine that this build lacks is named with how to get it")
    func lackingEngines() throws {
        let found = try mistakes(Self.split + "cache: redis\nredis: {url: redis://r}\n", flags: ["services": "inventory"], built: [])
        #expect(
            found.map { $0.split(separator: " ").prefix(8).joined(separator: " ") }
                == [
                    "storage: this build of waybill lacks postgres; build it", "broker: this build of waybill lacks kafka; build it",
                    "cache: this build of waybill lacks redis; build it",
                ].map { $0.split(separator: " ").prefix(8).joined(separator: " ") })
        #expect(found[0].contains("WAYBILL_ENGINES=postgres"))
        // A gateway opens no database and no broker.
        #expect(try mistakes(Self.split, flags: ["services": "gateway"], built: []) == [])
    }

    @Test("what is set and not used, or nearly a variable, is remarked")
    func remarks() throws {
        let settings = try SettingsTests.settings("postgres: {url: \"postgres://db/{service}\"}", ["WAYBILL_REDIS_URL": "redis://r"])
        let remarks = settings.remarks(environment: ["WAYBILL_PROT": "1", "WAYBILL_TEST_POSTGRES": "x", "WAYBILL_PORT": "1", "PATH": ""])
        #expect(
            remarks == [
                "postgres.url: not used, because storage is sqlite", "redis.url: not used, because cache is none",
                "WAYBILL_PROT: no setting; did you mean WAYBILL_PORT?",
            ])
        let prefixed = try SettingsTests.settings("storage: postgres\npostgres: {url: \"postgres://db/{service}\", schema_prefix: shop_}")
        #expect(prefixed.remarks().map { String($0.prefix(23)) } == ["postgres.schema_prefix:"])
        let split = try SettingsTests.settings(
            Self.split.replacing("internal_secret: between-ourselves-and-nobody-else-123", with: ""), flags: ["services": "orders"])
        #expect(split.remarks().map { String($0.prefix(16)) } == ["internal_secret:"])
    }

    @Test("an order may be on its way for longer where a broker carries the events, unless somebody says otherwise")
    func pace() throws {
        let alone = try SettingsTests.settings("storage: sqlite").platform()
        #expect(alone.commitInterval == .milliseconds(2) && alone.admission.targetMilliseconds == 100)
        #expect(alone.admission.limits == PlatformConfiguration(storage: .memory).admission.limits)
        let split = try SettingsTests.settings(Self.split, flags: ["services": "orders"]).platform()
        #expect(split.commitInterval == .milliseconds(10) && split.admission.targetMilliseconds == 1000 && split.deliveryInterval == .milliseconds(20))
        #expect(split.admission.limits == PlatformConfiguration.limitsWithBroker)
        let told = try SettingsTests.settings(
            Self.split + "commit_interval_ms: 3\ntarget_delay_ms: 50\ndelivery_interval_ms: 0\n", flags: ["services": "orders"])
        let own = told.platform()
        #expect(own.commitInterval == .milliseconds(3) && own.admission.targetMilliseconds == 50 && own.deliveryInterval == .zero)
    }

    @Test("settings become a platform's configuration")
    func platform() throws {
        let yaml =
            Self.split + """
                host: 0.0.0.0
                port: 9000
                commit_interval_ms: 5
                max_inflight: 7
                target_delay_ms: 9
                max_connections: 11
                drain_delay_ms: 13
                order_deadline_minutes: 2
                instance: pod-1
                cache: redis
                redis: {url: "redis://:pw@r:1/2"}
                """
        let settings = try SettingsTests.settings(
            yaml, ["WAYBILL_POSTGRES_PASSWORD": "p@ss/w", "WAYBILL_KAFKA_PROPERTIES": "a=b", "WAYBILL_POSTGRES_WRITERS": "4"],
            flags: ["services": "orders,payments"])
        try settings.check(built: Self.engines)
        let platform = settings.platform()
        #expect(platform.host == "0.0.0.0" && platform.port == 9000 && platform.commitInterval == .milliseconds(5))
        #expect(platform.admission.maximumStarting == 7 && platform.admission.targetMilliseconds == 9 && platform.maximumConnections == 11)
        #expect(platform.drainDelay == .milliseconds(13) && platform.orders.deadlineMilliseconds == 120_000)
        let engines = platform.engines
        #expect(engines.services == [.orders, .payments] && engines.instance.hasPrefix("pod-1-") && engines.upstreams[.inventory] == ["http://i"])
        #expect(engines.internalSecret?.value == "between-ourselves-and-nobody-else-123" && engines.cache == .redis(url: Secret("redis://:pw@r:1/2")))
        guard case .postgres(let postgres) = engines.storage, case .kafka(let kafka) = engines.broker else {
            Issue.record("\(engines)")
            return
        }
        #expect(postgres.writers == 4 && postgres.readers == 2 && !postgres.createsDatabases)
        #expect(postgres.url(of: "orders").value == "postgres://w:p%40ss%2Fw@db/waybill_orders")
        #expect(kafka.bootstrap == "k:9092" && kafka.partitions == 12 && kafka.properties == ["a": Secret("b")])
        #expect(!kafka.createsTopics && kafka.compression == .zstd && kafka.topicProperties == ["retention.ms": "1000"])
        #expect(!"\(platform)".contains("p@ss") && !"\(platform)".contains("between"))
        let shared = try SettingsTests.settings("storage: postgres\npostgres: {url: \"postgres://db/waybill\", schema_prefix: shop_}").engines()
        guard case .postgres(let schemas) = shared.storage else {
            Issue.record("\(shared)")
            return
        }
        #expect(schemas.schemaPrefix == "shop_" && schemas.url(of: "orders").value == "postgres://db/waybill")
        // The same process has another name after a restart.
        #expect(settings.engines().instance != engines.instance)
        let rabbit = try SettingsTests.settings("broker: rabbitmq\nrabbitmq: {url: amqp://r, partitions: 3, prefix: shop}").engines()
        guard case .rabbitmq(let own) = rabbit.broker else {
            Issue.record("\(rabbit)")
            return
        }
        #expect(own.url == Secret("amqp://r") && own.partitions == 3 && own.prefix == "shop" && rabbit.services == ServiceName.everything)
    }
}
