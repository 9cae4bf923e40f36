import Platform
import Testing
import Web

@testable import waybill

/// What one sets by hand about the entry can be set wherever anything else can.
@Suite("Settings of the edge")
struct EdgeSettingsTests {
    private static let texts = [
        "trusted_proxies": "10.0.0.0/8, 2001:db8::/32", "cors.origins": "https://shop.example,http://localhost:3000", "compression": "false",
        "access_log": "errors", "tls.certificate": "/etc/cert.pem", "tls.key": "/etc/key.pem",
    ]

    @Test("flags, variables and the file say the same")
    func places() throws {
        let file = """
            trusted_proxies: [10.0.0.0/8, "2001:db8::/32"]
            cors: {origins: [https://shop.example, "http://localhost:3000"]}
            compression: false
            access_log: errors
            tls: {certificate: /etc/cert.pem, key: /etc/key.pem}
            """
        let variables = Dictionary(
            uniqueKeysWithValues: Self.texts.map { ("WAYBILL_" + $0.key.uppercased().replacing(".", with: "_"), $0.value) })
        for settings in [
            try SettingsTests.settings("", flags: Self.texts), try SettingsTests.settings("", variables), try SettingsTests.settings(file),
        ] {
            #expect(settings.allMistakes(built: ["tls"]) == [])
            let edge = settings.edge()
            let (proxy, stranger) = (try #require(IPAddress("10.1.2.3")), try #require(IPAddress("11.1.2.3")))
            #expect(edge.trustedProxies.contains(proxy) && !edge.trustedProxies.contains(stranger))
            #expect(edge.crossOrigin.origins == ["https://shop.example", "http://localhost:3000"] && !edge.compresses && edge.accessLog == .errors)
            #expect(edge.tls == TLSFiles(certificate: "/etc/cert.pem", key: "/etc/key.pem"))
        }
    }

    @Test(
        "a value that cannot be is told by the setting's name, wherever it came from",
        arguments: [
            ("trusted_proxies", "10.0.0.0/33", "is no network"), ("trusted_proxies", "proxy.example", "is no network"),
            ("cors.origins", "https://shop.example/", "is no origin"), ("cors.origins", "shop.example", "is no origin"),
            ("cors.origins", "*,https://shop.example", "is no origin"), ("compression", "maybe", "maybe"), ("access_log", "all", "all"),
            ("tls.key", "/etc/key.pem", "needs the other"), ("request_head_timeout_s", "0", "0"), ("max_connections_per_address", "none", "none"),
        ])
    func mistakes(key: String, value: String, words: String) throws {
        let variable = "WAYBILL_" + key.uppercased().replacing(".", with: "_")
        var places = [try SettingsTests.settings("", [variable: value])]
        if Setting.named(key)?.flag != nil { places.append(try SettingsTests.settings("", flags: [key: value])) }
        for settings in places {
            let found = settings.allMistakes(built: ["tls"])
            #expect(found.count == 1 && found.first?.contains(words) == true, "\(found)")
            // By the name that it was set by: that of the flag, of the variable, or its own.
            let names = [key, variable, Setting.named(key)?.flag].compactMap(\.self)
            #expect(names.contains { found.first?.contains($0) == true }, "\(found)")
        }
    }
}
