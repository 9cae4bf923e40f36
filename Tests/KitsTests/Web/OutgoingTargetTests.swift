import Testing
import Web

/// Whatever leads into networks that the platform must not send requests into, in every notation that somebody reads as an address.
@Suite("Outgoing targets") struct OutgoingTargetTests {
    private static let refused = [
        // No URL of the web, or one that two readers read in two ways.
        "", "https://", "https:///x", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com", "http://example.com",
        "https://user@example.com", "https://user:secret@example.com", "https://example.com#@127.0.0.1", "https://example.com\\@127.0.0.1",
        "https://example.com/\r\nx: y", "https://exa mple.com", "https://ex\u{E4}mple.com", "https://\u{2460}27.0.0.1", "https://example%2ecom", "https://.",
        "https://a..b", "https://example.com:", "https://example.com:0", "https://example.com:65536", "https://example.com:+443", "https://example.com:22",
        "https://example.com:25", "https://example.com:5432", "https://example.com:6379", "https://[::1", "https://[::1]x", "https://[example.com]",
        // Addresses of this host and of networks that are not public.
        "https://127.0.0.1", "https://127.1.2.3", "https://0.0.0.0", "https://10.0.0.1", "https://172.16.0.1", "https://172.31.255.255",
        "https://192.168.1.1", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1", "https://100.100.100.200", "https://168.63.129.16",
        "https://192.0.0.192", "https://192.0.2.1", "https://198.18.0.1", "https://198.51.100.1", "https://203.0.113.1", "https://224.0.0.1",
        "https://255.255.255.255", "https://192.88.99.1",
        // The same in odd notations: one number, octal, hexadecimal, short forms, a dot at the end.
        "https://2130706433", "https://0x7f000001", "https://017700000001", "https://0177.0.0.1", "https://0x7f.0.0.1", "https://127.1", "https://127.0.1",
        "https://0", "https://010.8.8.8", "https://127.0.0.1.", "https://127.0.0.0x1", "https://1.2.3.4.5", "https://999.1.1.1",
        // Version 6, and version 4 inside of it.
        "https://[::1]", "https://[::]", "https://[0:0:0:0:0:0:0:1]", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[::127.0.0.1]",
        "https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[fc00::1]", "https://[fd00:ec2::254]", "https://[ff02::1]", "https://[64:ff9b::7f00:1]",
        "https://[64:ff9b:1::1]", "https://[2002:7f00:1::]", "https://[2001:0:1::1]", "https://[2001:db8::1]", "https://[fec0::1]", "https://[100::1]",
        "https://[3fff::1]", "https://[::ffff:8.8.8.8]",
        // Names of this host and of its network.
        "https://localhost", "https://LOCALHOST", "https://localhost.", "https://a.localhost", "https://metadata.google.internal", "https://printer.local",
        "https://router.lan", "https://intranet", "https://kubernetes.default.svc.cluster.local",
    ]

    @Test("A URL that leads into our own networks is refused at once, however it is written", arguments: refused)
    func refusal(_ url: String) { #expect(throws: OutgoingTarget.Refusal.self) { try OutgoingTarget(url, policy: .publicOnly) } }

    @Test(
        "A public endpoint is taken as it is",
        arguments: [
            ("https://example.com", "example.com", 443), ("HTTPS://Example.COM:8443/a/b?c=d&e", "example.com", 8443),
            ("https://xn--bcher-kva.example/hooks", "xn--bcher-kva.example", 443), ("https://8.8.8.8/x", "8.8.8.8", 443),
            ("https://[2606:4700:4700::1111]:443/", "2606:4700:4700::1111", 443), ("https://example.com./", "example.com.", 443),
            ("https://1.example.com", "1.example.com", 443), ("https://example.com:80/", "example.com", 80),
        ])
    func acceptance(_ url: String, _ host: String, _ port: Int) throws {
        let target = try OutgoingTarget(url, policy: .publicOnly)
        #expect(target.url == url && target.host == host && target.port == port && target.isEncrypted)
    }

    @Test("What is allowed by name is allowed, also without TLS, and nothing else without it")
    func allowed() throws {
        let policy = AddressPolicy(allowed: ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"].compactMap { NetworkRange($0) })
        for url in ["http://127.0.0.1:8000/", "http://10.1.2.3/", "https://[fd00::1]/", "http://localhost:9000/x", "http://hooks.test/"] {
            #expect(throws: Never.self, "\(url)") { try OutgoingTarget(url, policy: policy) }
        }
        for url in ["http://10.2.0.1/", "https://[::1]/", "http://[::ffff:127.0.0.1]/", "http://8.8.8.8/", "https://169.254.169.254/", "http://0x7f.1/"] {
            #expect(throws: OutgoingTarget.Refusal.self, "\(url)") { try OutgoingTarget(url, policy: policy) }
        }
        #expect(throws: Never.self) { try OutgoingTarget("http://10.0.0.1:8080/realms/x", policy: .anywhere) }
    }

    @Test("An address is judged by where it leads")
    func addresses() throws {
        func objects(_ text: String, isEncrypted: Bool = true) throws -> Bool {
            AddressPolicy.publicOnly.objection(to: try #require(NetworkAddress(text)), isEncrypted: isEncrypted) != nil
        }
        for address in ["1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255", "2606:4700::1", "2a00::1", "2003::1"] {
            #expect(try !objects(address), "\(address)")
            #expect(try objects(address, isEncrypted: false), "\(address)")
        }
        for address in ["172.16.0.0", "100.64.0.0", "100.127.255.255", "240.0.0.1", "4000::1", "2001:1ff::1", "::2", "::ffff:0:0", "fdff::1", "0.1.2.3"] {
            #expect(try objects(address), "\(address)")
        }
    }

    @Test("Addresses and ranges have one form each")
    func forms() throws {
        for text in ["1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", " 1.2.3.4", "1.2.3.+4", "", ":::", "1::2::3", "12345::", "::1.2.3", "1:2:3:4:5:6:7", "::g"]
        {
            #expect(NetworkAddress(text) == nil, "\(text)")
        }
        #expect(NetworkAddress("::ffff:1.2.3.4") == .v6(0, 0xFFFF_0102_0304))
        #expect(NetworkAddress("2001:DB8::1")?.description == "2001:db8:0:0:0:0:0:1")
        #expect(NetworkAddress("1:2:3:4:5:6:7::") == NetworkAddress("1:2:3:4:5:6:7:0"))
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/8/8", "example.com"] {
            #expect(NetworkRange(text) == nil, "\(text)")
        }
        for (range, inside, outside) in [
            ("2001:db8:0:8000::/49", "2001:db8:0:ffff::1", "2001:db8:0:7fff::1"), ("2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", "2001:db8::1"),
        ] {
            let (range, inside, outside) = (try #require(NetworkRange(range)), try #require(NetworkAddress(inside)), try #require(NetworkAddress(outside)))
            #expect(range.contains(inside) && !range.contains(outside))
        }
        let (all, one) = (try #require(NetworkRange("0.0.0.0/0")), try #require(NetworkRange("10.0.0.1")))
        #expect(all.contains(.v4(.max)) && !all.contains(.v6(0, 0)))
        #expect(one.contains(.v4(0x0A00_0001)) && !one.contains(.v4(0x0A00_0002)))
    }
}
