/// A URL that requests may be sent to, as far as that can be told before anything is resolved. The address that its name leads to is looked at when the
/// connection is made; see ``AddressPolicy``.
public struct OutgoingTarget: Sendable, Equatable {
    /// What is wrong with a URL: words that follow "the URL".
    public struct Refusal: Error, Equatable, CustomStringConvertible {
        public let words: String
        public var description: String { "the URL \(words)" }
    }

    /// The longest URL, in bytes.
    public static let maximumLength = 2048

    /// As it was given.
    public let url: String
    /// In lower case, without the brackets of an IPv6 address.
    public let host: String
    public let port: Int
    /// Whether the connection is TLS.
    public let isEncrypted: Bool

    /// Takes a URL apart that begins with http:// or https://.
    ///
    /// Stricter than RFC 3986: what two readers could read in two ways is refused, for one of them sends the request. Version 4 addresses have one form, hosts no
    /// percent-encoding, and there is no user in front of the host.
    /// - Throws: ``Refusal``.
    public init(_ url: String, policy: AddressPolicy) throws(Refusal) {
        guard url.utf8.count <= OutgoingTarget.maximumLength else { throw Refusal(words: "must have at most \(OutgoingTarget.maximumLength) characters") }
        guard url.utf8.allSatisfy({ (33...126).contains($0) && !OutgoingTarget.unsafe.contains($0) }) else {
            throw Refusal(words: "must consist of visible ASCII characters without quotation marks, angle brackets, braces, backslashes and the like")
        }
        let (scheme, rest) = try OutgoingTarget.scheme(url)
        isEncrypted = scheme == "https"
        guard !rest.utf8.contains(UInt8(ascii: "#")) else { throw Refusal(words: "must have no fragment") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw Refusal(words: "must name no user and no password") }
        let (host, port) = try OutgoingTarget.split(authority, standard: isEncrypted ? 443 : 80)
        (self.url, self.port) = (url, port)
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        try OutgoingTarget.check(port: port)
        try OutgoingTarget.check(host: host, isEncrypted: isEncrypted, policy: policy)
        guard isEncrypted || policy.admitsOwnNetworks else { throw Refusal(words: "must begin with https://") }
    }

    private static let unsafe = Set("\"<>\\^`{|}".utf8)

    private static func scheme(_ url: String) throws(Refusal) -> (String, Substring) {
        let lower = url.prefix(8).lowercased()
        if lower.hasPrefix("https://") { return ("https", url.dropFirst(8)) }
        if lower.hasPrefix("http://") { return ("http", url.dropFirst(7)) }
        throw Refusal(words: "must begin with https://")
    }

    /// Host and port of what stands between the slashes.
    private static func split(_ authority: Substring, standard: Int) throws(Refusal) -> (String, Int) {
        var host = authority
        var port: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw Refusal(words: "has a bracket that is not closed") }
            host = authority[...end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw Refusal(words: "has something between its host and its port") }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard let port else { return (host.lowercased(), standard) }
        guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(port) else {
            throw Refusal(words: "has a port that is no number")
        }
        return (host.lowercased(), number)
    }

    /// Requests go to web servers: not to mail, shells, databases and caches, which take a part of one for something else. The ports that the web has, and
    /// those beyond the privileged ones, without those that browsers refuse (WHATWG Fetch, 2.9) and well-known engines.
    private static func check(port: Int) throws(Refusal) {
        guard port == 80 || port == 443 || (1024...65_535).contains(port), !refusedPorts.contains(port) else {
            throw Refusal(words: "must not name the port \(port)")
        }
    }

    private static let refusedPorts: Set<Int> = [
        1719, 1720, 1723, 2049, 2375, 2379, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9092,
        9200,
        10_080, 11_211, 27_017,
    ]

    private static func check(host text: String, isEncrypted: Bool, policy: AddressPolicy) throws(Refusal) {
        if text.hasPrefix("[") {
            guard let address = NetworkAddress(text.dropFirst().dropLast()), case .v6 = address else {
                throw Refusal(words: "has no IPv6 address in its brackets")
            }
            return try check(address, isEncrypted: isEncrypted, policy: policy)
        }
        // A name may end in the dot of the root.
        let name = text.hasSuffix(".") ? text.dropLast() : Substring(text)
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, !last.isEmpty, name.utf8.count <= 253, labels.allSatisfy({ isLabel($0) }) else {
            throw Refusal(words: "must name a host; one with other letters in its ASCII form (xn--)")
        }
        // What ends in a number is an IPv4 address to those who follow the WHATWG's URL standard (3.5), in any of a dozen notations.
        if isNumber(last) {
            guard text == String(name), let address = NetworkAddress(name) else {
                throw Refusal(words: "must write an IPv4 address as four decimal numbers without leading zeros")
            }
            return try check(address, isEncrypted: isEncrypted, policy: policy)
        }
        if policy.admitsOwnNetworks { return }
        let isLocal = labels.count == 1 || ownDomains.contains { name == $0.dropFirst() || name.hasSuffix($0) }
        guard !isLocal else { throw Refusal(words: "must name a host of the public internet") }
    }

    private static func check(_ address: NetworkAddress, isEncrypted: Bool, policy: AddressPolicy) throws(Refusal) {
        if let words = policy.objection(to: address, isEncrypted: isEncrypted) { throw Refusal(words: "must not lead to \(address), which is \(words)") }
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    private static func isNumber(_ label: Substring) -> Bool {
        let isHexadecimal = label.hasPrefix("0x") && label.dropFirst(2).utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        return label.utf8.allSatisfy { (48...57).contains($0) } || isHexadecimal
    }

    /// Domains that no public name lies in (RFC 6761, RFC 6762, RFC 8375, and what clouds and clusters use).
    private static let ownDomains = [
        ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".home.arpa", ".lan", ".corp", ".test", ".invalid", ".onion",
    ]
}
