import Foundation
import Platform
import Testing

@testable import waybill

@Suite("Settings")
struct SettingsTests {
    /// Reads settings from a file's text, variables and flags; no file for nil.
    static func settings(_ yaml: String? = nil, _ environment: [String: String] = [:], flags: [String: String] = [:]) throws -> Settings {
        guard let yaml else { return try Settings(flags: flags, environment: environment) { _ in false } }
        return try withFile(yaml) { try Settings(path: $0, flags: flags, environment: environment) { _ in false } }
    }

    static func withFile<T>(_ text: String, name: String = "waybill.yaml", _ body: (String) throws -> T) throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return try body(file.path)
    }

    private func source(_ key: String, _ settings: Settings) -> Settings.Source? { settings.entries.first { $0.setting.key == key }?.source }

    @Test("a flag comes before a variable, that before the file, that before the default")
    func layers() throws {
        #expect(try Self.settings().number("port") == 8080)
        #expect(try Self.settings("port: 1").number("port") == 1)
        #expect(try Self.settings("port: 1", ["WAYBILL_PORT": "2"]).number("port") == 2)
        let all = try Self.settings("port: 1\nhost: h", ["WAYBILL_PORT": "2"], flags: ["port": "3"])
        #expect(all.number("port") == 3 && source("port", all) == .flag("--port"))
        #expect(all.text("host") == "h" && source("log_level", all) == .standard)
        if case .file(_, line: 2)? = source("host", all) {} else { Issue.record("\(String(describing: source("host", all)))") }
        // An empty variable is one that is not set.
        #expect(try Self.settings("port: 1", ["WAYBILL_PORT": ""]).number("port") == 1)
        #expect(try Self.settings("port:\nhost: ~").number("port") == 8080)
    }

    @Test("the file is the one named by the flag, by the variable, or the one that lies there")
    func files() throws {
        try Self.withFile("port: 7") { (path: String) throws in
            #expect(try Settings(path: nil, environment: ["WAYBILL_CONFIG": path]).number("port") == 7)
            #expect(try Settings(path: path, environment: ["WAYBILL_CONFIG": "/nowhere"]).path == path)
        }
        #expect(throws: SettingsError.self) { try Settings(path: "/nowhere/waybill.yaml", environment: [:]) }
        #expect(throws: SettingsError.self) { try Settings(path: nil, environment: ["WAYBILL_CONFIG": "/nowhere/waybill.yaml"]) }
        var asked: [String] = []
        _ = try Settings(environment: [:]) { path in
            asked.append(path)
            return false
        }
        #expect(asked == ["./waybill.yaml"])
    }

    @Test("every kind of value is read from every place")
    func kinds() throws {
        let yaml = """
            services: [orders, gateway]
            postgres: {create_databases: true}
            kafka:
              properties:
                security.protocol: SSL
                retries: 3
            upstreams:
              inventory: http://a:1, http://b:2
            """
        let file = try Self.settings(yaml)
        #expect(file.mistakes.isEmpty && file.list("services") == ["orders", "gateway"] && file.truth("postgres.create_databases"))
        #expect(file.map("kafka.properties") == ["security.protocol": "SSL", "retries": "3"])
        #expect(file.list("upstreams.inventory") == ["http://a:1", "http://b:2"])
        let variables = try Self.settings(
            nil,
            [
                "WAYBILL_SERVICES": "orders, gateway", "WAYBILL_POSTGRES_CREATE_DATABASES": "true", "WAYBILL_UPSTREAMS_INVENTORY": "http://a:1,http://b:2,",
                "WAYBILL_KAFKA_PROPERTIES": "security.protocol=SSL; ssl.ca.location = /a=b;",
            ])
        #expect(variables.mistakes.isEmpty && variables.list("services") == ["orders", "gateway"] && variables.truth("postgres.create_databases"))
        #expect(variables.map("kafka.properties") == ["security.protocol": "SSL", "ssl.ca.location": "/a=b"])
        #expect(variables.list("upstreams.inventory") == ["http://a:1", "http://b:2"])
    }

    @Test("secrets may be the content of files, named by a variable or in the file, relative to it")
    func secretFiles() throws {
        try Self.withFile("a secret of files\n", name: "secret") { (path: String) throws in
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            let file = folder.appendingPathComponent("w.yaml").path
            try Data(
                "internal_secret: {file: secret}\nkafka:\n  properties:\n    sasl.password: {file: secret}\npostgres:\n  password:\n    file: \(path)\n".utf8
            )
            .write(to: URL(fileURLWithPath: file))
            let settings = try Settings(path: file, environment: ["WAYBILL_REDIS_URL": "redis://x"])
            #expect(settings.mistakes.isEmpty)
            #expect(settings.text("internal_secret") == "a secret of files" && settings.text("postgres.password") == "a secret of files")
            #expect(settings.map("kafka.properties") == ["sasl.password": "a secret of files"])
            let variable = try Self.settings(nil, ["WAYBILL_INTERNAL_SECRET_FILE": path])
            #expect(variable.text("internal_secret") == "a secret of files")
            let both = try Self.settings(nil, ["WAYBILL_INTERNAL_SECRET_FILE": path, "WAYBILL_INTERNAL_SECRET": "x"])
            #expect(both.mistakes == ["WAYBILL_INTERNAL_SECRET_FILE: WAYBILL_INTERNAL_SECRET is set as well; only one of them may be"])
        }
        #expect(try Self.settings(nil, ["WAYBILL_REDIS_URL_FILE": "/nowhere"]).mistakes == ["WAYBILL_REDIS_URL_FILE: the file /nowhere cannot be read"])
        // What is no secret is no file either.
        #expect(try Self.settings("host: {file: x}").mistakes.count == 1)
    }

    @Test("what a value cannot be is told with its place, all mistakes at once")
    func mistakes() throws {
        let yaml = """
            port: 70000
            log_level: loud
            storage:
              - sqlite
            postgres:
              url: mysql://x
              create_databases: yes
            services: {a: b}
            kafka: 3
            host: "a\\u0007b"
            """
        let mistakes = try Self.settings(yaml, ["WAYBILL_MAX_INFLIGHT": "tcp://10.0.0.1:80"], flags: ["drain_delay_ms": "-1"]).mistakes
            .map { mistake in mistake.range(of: "waybill.yaml:").map { String(mistake[$0.lowerBound...]) } ?? mistake }
        let expected = [
            "waybill.yaml:3: storage: must be one of sqlite, postgres",
            "waybill.yaml:8: services: must be a list",
            "waybill.yaml:9: kafka: must be a map of settings",
            "waybill.yaml:10: host: contains a control character",
            "waybill.yaml:1: port: \"70000\" is not a whole number from 0 to 65535",
            "waybill.yaml:2: log_level: \"loud\" is none of trace, debug, info, notice, warning, error, critical",
            "WAYBILL_MAX_INFLIGHT: \"tcp://10.0.0.1:80\" is not a whole number from 1 to 100000 "
                + "(Kubernetes set this variable for a Service called waybill: set enableServiceLinks: false in the pod)",
            "--drain-delay-ms: \"-1\" is not a whole number from 0 to 15000",
            "waybill.yaml:6: postgres.url: must be a URL without control characters that begins with postgres:// or postgresql://",
            "waybill.yaml:7: postgres.create_databases: \"yes\" is neither true nor false",
        ]
        #expect(mistakes == expected)
    }

    @Test("a key that does not exist is a mistake that names the nearest one")
    func unknownKeys() throws {
        let cases = [
            ("brokr: kafka", "there is no setting \"brokr\"; did you mean \"broker\"?"),
            ("kafka:\n  bootstraps: x", "there is no setting \"kafka.bootstraps\"; did you mean \"kafka.bootstrap\"?"),
            ("postgre:\n  url: x", "there is no setting \"postgre\"; did you mean \"postgres\"?"),
            ("upstreams:\n  order: x", "there is no setting \"upstreams.order\"; did you mean \"upstreams.orders\"?"),
            ("completely_different_thing: 1", "there is no setting \"completely_different_thing\""),
        ]
        for (yaml, words) in cases {
            let mistakes = try Self.settings(yaml).mistakes
            #expect(mistakes.count == 1 && mistakes[0].hasSuffix(words), "\(mistakes)")
        }
    }

    @Test("what is no YAML, or no map, is told with the place", arguments: ["a: [1\nb: }", "- a\n- b", "just text", "port: 1\nport: 2", "\tport: 1"])
    func notYAML(text: String) { #expect(throws: SettingsError.self) { try Self.settings(text) } }

    @Test("an empty file sets nothing", arguments: ["", "# nothing\n", "---\n", "~", "{}"])
    func emptyFile(text: String) throws {
        let settings = try Self.settings(text)
        #expect(settings.mistakes.isEmpty && settings.entries.allSatisfy { $0.source == .standard })
    }

    @Test("the nearest key is the one with the fewest changes, and not just any")
    func nearest() {
        #expect(NearestKey.distance("kitten", "sitting") == 3 && NearestKey.distance("", "abc") == 3 && NearestKey.distance("ab", "ba") == 1)
        #expect(NearestKey.of("prot", among: ["port", "host"]) == "port")
        #expect(NearestKey.of("xyzxyz", among: ["port", "host"]) == nil)
        #expect(NearestKey.of(String(repeating: "x", count: 100_000), among: ["port"]) == nil)
    }

    @Test("every flag is a setting and every setting that has a flag has one")
    func flags() throws {
        let declared = Set(SettingFlags.table.map(\.key)).union(Setting.all.map(\.key).filter { $0.hasPrefix("upstreams.") })
        #expect(declared == Set(Setting.all.filter { $0.flag != nil }.map(\.key)))
        for row in SettingFlags.table {
            let setting = try #require(Setting.named(row.key))
            let flag = try #require(setting.flag)
            let command = try #require(try Waybill.parseAsRoot(["serve", flag, "a value"]) as? ServeCommand)
            #expect(command.flags.values == [row.key: "a value"])
        }
        let command = try #require(
            try Waybill.parseAsRoot(["serve", "--upstream", "orders=http://a,http://b", "--upstream", "inventory=http://c"]) as? ServeCommand)
        #expect(command.flags.values == ["upstreams.orders": "http://a,http://b", "upstreams.inventory": "http://c"])
        for wrong in [
            ["--upstream", "orders"], ["--upstream", "gateway=http://a"], ["--upstream", "orders=a", "--upstream", "orders=b"], ["--internal-secret", "x"],
        ] {
            #expect(throws: (any Error).self) { try Waybill.parseAsRoot(["serve"] + wrong) }
        }
    }

    @Test("a flag takes no password, which everybody could read in the list of processes, and does not repeat it")
    func passwordsInFlags() throws {
        let refused = [
            "postgres.url": ["postgres://u:HIDDEN@h/d", "postgres://u@h/d?password=HIDDEN", "postgres://u@h/d?sslmode=require&sslpassword=HIDDEN"],
            "rabbitmq.url": ["amqp://u:HID/DEN@h"], "redis.url": ["redis://:HIDDEN@h/0"],
        ]
        for (key, urls) in refused {
            for url in urls {
                let mistakes = try Self.settings(nil, [:], flags: [key: url]).mistakes
                #expect(mistakes.count == 1 && mistakes[0].contains("_FILE") && !mistakes[0].contains("HID"), "\(mistakes)")
                #expect(try Self.settings(nil, ["WAYBILL_" + key.uppercased().replacing(".", with: "_"): url]).mistakes == [])
            }
        }
        for (key, url) in [
            ("postgres.url", "postgres://u@h:5432/d?sslkey=/k&options=a@b"), ("rabbitmq.url", "amqp://u@h:5672/v"), ("redis.url", "redis://h:6379/0"),
        ] {
            #expect(try Self.settings(nil, [:], flags: [key: url]).mistakes == [])
        }
    }

    @Test("names are unique in every place, and every setting says what it is for")
    func names() {
        for names in [Setting.all.map(\.key), Setting.all.map(\.variable)] { #expect(Set(names).count == names.count) }
        for setting in Setting.all {
            #expect(setting.help.hasSuffix(".") || setting.help.hasSuffix(")."), "\(setting.key)")
            if let standard = setting.standard, let value = try? SettingValue(standard, as: setting.kind) {
                #expect(throws: Never.self, "\(setting.key)") { try setting.check(value) }
            }
            if setting.isSecret { #expect(setting.standard == nil) }
        }
    }
}
