#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The address of a machine, version 4 or 6, as a number: two texts of the same address are equal here. A version 4 address within version 6 (`::ffff:192.0.2.1`, RFC
/// 4291, 2.5.5.2) is that version 4 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The bits in the order of the network.
    let high, low: UInt64

    private static let mappedPrefix: UInt64 = 0xFFFF_0000_0000

    /// - Parameter v4: the four bytes as one number, the first of the text highest.
    public init(v4: UInt32) { (high, low) = (0, IPAddress.mappedPrefix | UInt64(v4)) }

    /// - Parameter bytes: 4 or 16, in the order of the network. Nil for another number of them.
    public init?(bytes: some Collection<UInt8>) {
        var (high, low) = (0 as UInt64, 0 as UInt64)
        switch bytes.count {
        case 4: self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            for (index, byte) in bytes.enumerated() { if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) } }
            self.init(high: high, low: low)
        default: return nil
        }
    }

    /// Nil for what is no address: no names, no port, no zone.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        // The C library stops at a NUL.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(v4: UInt32(bigEndian: four.s_addr))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: six) { Array($0) }
        self.init(bytes: bytes)
    }

    public var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// What one customer of a network operator has: an address of version 4, the first 64 bits of version 6.
    public var network: IPAddress { isVersion4 ? self : IPAddress(high: high, low: 0) }

    private init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    public var description: String {
        if isVersion4 { return (0..<4).map { String(low >> (24 - 8 * UInt64($0)) & 0xFF) }.joined(separator: ".") }
        var bytes = in6_addr()
        withUnsafeMutableBytes(of: &bytes) { raw in
            for index in 0..<8 {
                raw[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                raw[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
        }
        var text = [CChar](repeating: 0, count: 64)
        guard inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count)) != nil else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Networks: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.
public struct AddressRanges: Sendable, Equatable {
    private struct Range: Sendable, Equatable {
        let address: IPAddress
        let highMask, lowMask: UInt64
    }

    private var ranges: [Range] = []

    public init() {}

    /// - Throws: ``NoAddressRange`` with the first text that is none.
    public init(_ texts: [String]) throws(NoAddressRange) {
        for text in texts { try add(text) }
    }

    public var isEmpty: Bool { ranges.isEmpty }

    public func contains(_ address: IPAddress) -> Bool {
        ranges.contains { (address.high ^ $0.address.high) & $0.highMask == 0 && (address.low ^ $0.address.low) & $0.lowMask == 0 }
    }

    private mutating func add(_ text: String) throws(NoAddressRange) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = parts.first.flatMap({ IPAddress($0) }) else { throw NoAddressRange(text: text) }
        let longest = address.isVersion4 ? 32 : 128
        var bits = longest
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let given = Int(parts[1]), given <= longest else { throw NoAddressRange(text: text) }
            bits = given
        }
        if address.isVersion4 { bits += 96 }
        ranges.append(Range(address: address, highMask: AddressRanges.mask(min(bits, 64)), lowMask: AddressRanges.mask(max(bits - 64, 0))))
    }

    private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : ~0 << UInt64(64 - bits) }
}

/// A text that is no network.
public struct NoAddressRange: Error, Equatable {
    public let text: String
    public init(text: String) { self.text = text }
}
