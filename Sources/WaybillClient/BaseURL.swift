/// The part of a URL that all requests of one client share, taken apart once.
struct BaseURL: Sendable, Equatable {
    /// Whether it is spoken to over TLS.
    let isEncrypted: Bool
    /// Name or address to connect to, without the brackets of an IPv6 address.
    let host: String
    let port: Int
    /// The value of the `Host` header (RFC 9110, 7.2): the port is left out when it is the scheme's own, 80 or 443.
    let authority: String
    /// What stands before every request's path; empty or `/prefix`, never with a slash at its end.
    let pathPrefix: String

    /// - Throws: ``ClientError/invalidURL(_:reason:)`` for anything but `http://host[:port][/prefix]` and the same with `https`.
    init(_ text: String) throws(ClientError) {
        func invalid(_ reason: String) -> ClientError { .invalidURL(text, reason: reason) }
        let lowered = text.prefix(8).lowercased()
        let isEncrypted = lowered.hasPrefix("https://")
        guard isEncrypted || lowered.hasPrefix("http://") else { throw invalid("it must begin with http:// or https://") }
        let rest = text.dropFirst(isEncrypted ? "https://".count : "http://".count)
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw invalid("it contains blanks or letters outside ASCII") }
        guard !rest.contains(where: { "?#@".contains($0) }) else { throw invalid("it must have no user name, query or fragment") }

        let authority = rest.prefix { $0 != "/" }
        var prefix = rest.dropFirst(authority.count)
        while prefix.hasSuffix("/") { prefix.removeLast() }

        let (name, portText) = try Self.split(authority, invalid)
        guard !name.isEmpty else { throw invalid("it names no host") }
        let standardPort = isEncrypted ? 443 : 80
        var port = standardPort
        if let portText {
            guard let number = Int(portText), (1...65_535).contains(number) else { throw invalid("its port is no number from 1 to 65535") }
            port = number
        }
        self.isEncrypted = isEncrypted
        self.host = String(name)
        self.port = port
        let shown = name.contains(":") ? "[\(name)]" : String(name)
        self.authority = port == standardPort ? shown : "\(shown):\(port)"
        self.pathPrefix = String(prefix)
    }

    /// A name that only begins like a loopback address is none.
    var isLoopback: Bool {
        let name = host.lowercased()
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func split(
        _ authority: Substring, _ invalid: (String) -> ClientError
    ) throws(ClientError) -> (name: Substring, port: Substring?) {
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw invalid("a bracket is not closed") }
            let name = authority[authority.index(after: authority.startIndex)..<end]
            let after = authority[authority.index(after: end)...]
            if after.isEmpty { return (name, nil) }
            guard after.hasPrefix(":") else { throw invalid("only a port may follow the address") }
            return (name, after.dropFirst())
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let name = parts.first else { throw invalid("an IPv6 address stands in brackets") }
        return (name, parts.count == 2 ? parts[1] : nil)
    }
}
