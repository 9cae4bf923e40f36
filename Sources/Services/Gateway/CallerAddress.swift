import Glibc

/// What an address is called where callers are told apart by it.
enum CallerAddress {
    /// The name of an address's bucket. Of IPv6 it is the network of 64 bits, all of which one caller has (RFC 4291, 2.5.4; RFC 6177), and of an address of IPv4 in IPv6's
    /// clothes (RFC 4291, 2.5.5.2) the address of IPv4. What is no address is one bucket, so that nobody has as many buckets as he can make up names.
    static func bucket(_ text: String?) -> String {
        guard let text else { return unknown }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return dotted(withUnsafeBytes(of: v4) { Array($0) }) }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return unknown }
        let bytes = withUnsafeBytes(of: v6) { Array($0) }
        guard bytes.count == 16 else { return unknown }
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 { return dotted(bytes.suffix(4)) }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ".") + "/64"
    }

    private static let unknown = "unknown"

    private static func dotted(_ bytes: some Sequence<UInt8>) -> String { bytes.map { String($0) }.joined(separator: ".") }
}
