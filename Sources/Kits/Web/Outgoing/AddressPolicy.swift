/// Which addresses a request may go to whose URL somebody outside has chosen.
///
/// Without this, whoever may name a URL could have the platform send requests into the network that it runs in: to its own processes, to databases, to the
/// metadata service of a cloud, which hands out credentials (server-side request forgery, OWASP API7:2023). The address that a connection really goes to is what
/// counts: a name may resolve to another one at every look (DNS rebinding).
public struct AddressPolicy: Sendable {
    /// Only addresses of the public internet.
    public static let publicOnly = AddressPolicy(allowed: [])
    /// Everywhere, also unencrypted: for URLs that whoever runs the platform has configured.
    public static let anywhere = AddressPolicy(allowed: [], isOpen: true)

    /// Networks that are allowed besides, also unencrypted.
    public let allowed: [NetworkRange]
    private let isOpen: Bool

    /// The public internet, and these networks.
    public init(allowed: [NetworkRange]) { self.init(allowed: allowed, isOpen: false) }
    private init(allowed: [NetworkRange], isOpen: Bool) { (self.allowed, self.isOpen) = (allowed, isOpen) }

    /// Whether names and unencrypted connections have to be let through, until it is known which address they lead to.
    var admitsOwnNetworks: Bool { isOpen || !allowed.isEmpty }

    /// Why a connection must not go there, as words that follow "the address is"; nil if it may.
    /// - Parameter isEncrypted: whether it is TLS. Anything else may only go into networks that are allowed by name.
    public func objection(to address: NetworkAddress, isEncrypted: Bool) -> String? {
        if isOpen || allowed.contains(where: { $0.contains(address) }) { return nil }
        if let special = AddressPolicy.special.first(where: { $0.range.contains(address) }) { return special.words }
        if case .v6 = address, !AddressPolicy.globalUnicast.contains(where: { $0.contains(address) }) { return "not a global unicast address" }
        return isEncrypted ? nil : "public, and the connection is not encrypted"
    }

    private static let globalUnicast = ["2000::/3"].compactMap { NetworkRange($0) }

    /// What is not the public internet: the IANA registries of special-purpose addresses (RFC 6890), multicast, and the clouds' own addresses. Everything of
    /// version 6 outside of 2000::/3 (loopback, mapped and translated addresses, unique local, link-local, multicast) is refused in any case; the entries here
    /// are for the words.
    private static let special: [(range: NetworkRange, words: String)] = [
        ("0.0.0.0/8", "of this host"), ("127.0.0.0/8", "a loopback address"), ("169.254.0.0/16", "link-local, where clouds keep their metadata"),
        ("10.0.0.0/8", "private"), ("172.16.0.0/12", "private"), ("192.168.0.0/16", "private"), ("100.64.0.0/10", "shared behind a carrier's NAT"),
        ("192.0.0.0/24", "reserved for protocols"), ("192.0.2.0/24", "for documentation"), ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"), ("192.88.99.0/24", "a 6to4 relay"), ("198.18.0.0/15", "for benchmarks"),
        ("168.63.129.16/32", "a cloud's own"), ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "reserved"),
        ("::/128", "of this host"), ("::1/128", "a loopback address"), ("::ffff:0:0/96", "an IPv4 address in disguise"),
        ("::/96", "an IPv4 address in disguise"), ("64:ff9b::/96", "translated to IPv4"), ("64:ff9b:1::/48", "translated to IPv4"),
        ("2002::/16", "translated to IPv4 (6to4)"), ("2001::/32", "translated to IPv4 (Teredo)"), ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"), ("3fff::/20", "for documentation"), ("fc00::/7", "unique local"), ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"), ("ff00::/8", "multicast"), ("100::/64", "discarded"),
    ].compactMap { text, words in NetworkRange(text).map { ($0, words) } }
}
