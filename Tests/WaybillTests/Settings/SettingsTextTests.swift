import Foundation
import TestDocuments
import Testing
import Wire

@testable import waybill

@Suite("Settings as they are shown")
struct SettingsTextTests {
    @Test("no secret is shown, neither as text nor as JSON")
    func secrets() throws {
        let settings = try SettingsTests.settings(
            """
            internal_secret: HIDDEN-internal-secret
            postgres: {url: "postgres://u:HIDDEN@db/x?sslmode=require&sslpassword=HIDDEN3&password=HIDDEN2", password: HIDDEN}
            rabbitmq: {url: "amqp://u:HIDDEN@x@rabbit:5672/v"}
            redis: {url: "redis://:HIDDEN@r/0"}
            kafka:
              properties: {security.protocol: SASL_SSL, sasl.password: HIDDEN, ssl.key.pem: HIDDEN, sasl.jaas.config: HIDDEN}
            """)
        #expect(settings.mistakes.isEmpty)
        let text = SettingsText(settings: settings).table.render()
        let json = String(decoding: SettingsText(settings: settings).json(mistakes: [], remarks: []), as: UTF8.self)
        #expect(!text.contains("HIDDEN") && !json.contains("HIDDEN"), "\(text)")
        for shown in [
            "postgres://u:***@db/x?sslmode=require&sslpassword=***&password=***", "amqp://u:***@rabbit:5672/v", "redis://:***@r/0",
            "security.protocol=SASL_SSL",
            "sasl.password=***",
        ] { #expect(text.contains(shown), "\(shown)") }
    }

    @Test("a password with a slash shows too little rather than too much")
    func slash() throws {
        let settings = try SettingsTests.settings("redis: {url: \"redis://u:HID/DEN@r\"}")
        #expect(!SettingsText(settings: settings).table.render().contains("DEN"))
    }

    @Test("mistakes in secrets do not quote them")
    func mistakes() throws {
        let settings = try SettingsTests.settings(
            "redis: {url: \"http://HIDDEN\"}", ["WAYBILL_POSTGRES_PASSWORD": "HID\u{1}DEN", "WAYBILL_RABBITMQ_URL": "HIDDEN"])
        #expect(settings.mistakes.count == 3 && !settings.mistakes.joined().contains("HID"), "\(settings.mistakes)")
    }

    @Test("it is said where each value comes from")
    func sources() throws {
        let settings = try SettingsTests.settings("port: 1", ["WAYBILL_HOST": "h"], flags: ["log_level": "error"])
        let json = try #require(try JSONParser.parse(SettingsText(settings: settings).json(mistakes: ["a"], remarks: [])).object)
        #expect(json["valid"]?.bool == false && json["mistakes"]?[0]?.string == "a")
        let rows = json["settings"]?.array ?? []
        func from(_ key: String) -> String? { rows.first { $0["key"]?.string == key }?["from"]?.string }
        #expect(from("port")?.hasSuffix("waybill.yaml:1") == true && from("host") == "WAYBILL_HOST" && from("log_level") == "--log-level")
        #expect(from("storage") == "default" && from("postgres.url") == "")
    }

    /// The repository's root.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("docs/configuration.md has the reference of all settings; WAYBILL_REGENERATE=1 writes it anew")
    func reference() throws {
        let reference = SettingsText.reference
        #expect(try Document("docs/configuration.md").part("settings", regeneratedAs: reference) == reference)
    }

    @Test("the example files load, and every part of their platforms runs with them", arguments: ["embedded", "postgres", "split-kafka", "split-rabbitmq"])
    func examples(name: String) throws {
        let path = Self.root.appendingPathComponent("deploy/config/\(name).yaml").path
        let parts = name.hasPrefix("split") ? ["gateway", "orders", "inventory", "payments", "notifications", "analytics", "operations", "identity"] : ["all"]
        for part in parts {
            let settings = try Settings(path: path, flags: ["services": part], environment: ["WAYBILL_INTERNAL_SECRET": String(repeating: "s", count: 32)])
            #expect(settings.allMistakes(built: ["postgres", "kafka", "rabbitmq", "redis"]) == [], "\(part)")
        }
        // What is commented out is right as well.
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let more = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> Substring in
            let trimmed = line.drop { $0 == " " }
            guard trimmed.hasPrefix("# "), trimmed.dropFirst(2).contains(": ") || trimmed.hasSuffix(":"), !trimmed.contains("`"), !trimmed.contains("WAYBILL"),
                trimmed.dropFirst(2).drop(while: { $0 == " " }).first?.isLowercase == true
            else { return line }
            return Substring(String(line.prefix { $0 == " " }) + trimmed.dropFirst(2))
        }
        try SettingsTests.withFile(more.joined(separator: "\n")) { (path: String) throws in
            let unknown = try Settings(path: path, environment: [:]).mistakes.filter { !$0.contains("cannot be read") }
            #expect(unknown == [])
        }
    }
}
