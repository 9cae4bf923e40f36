/// An address of the Internet Protocol, version 4 or 6.
public enum NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    case v4(UInt32)
    /// The first and the last eight bytes.
    case v6(UInt64, UInt64)

    /// Reads the one form of version 4 that everybody reads alike, four decimal numbers without leading zeros, and the forms of RFC 4291, 2.2, without a zone;
    /// nil for anything else. What other readers take `0x7f.1` or `010.0.0.1` for differs, so that nobody must rely on it (RFC 6943, 3.1.1).
    public init?(_ text: some StringProtocol) {
        let text = Substring(text)
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let words = NetworkAddress.words(text) else { return nil }
            self = .v6(words.0, words.1)
        } else {
            guard let word = NetworkAddress.word(text) else { return nil }
            self = .v4(word)
        }
    }

    private static func word(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var word: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (48...57).contains($0) }), part.first != "0" || part.utf8.count == 1,
                let number = UInt8(part)
            else { return nil }
            word = word << 8 | UInt32(number)
        }
        return word
    }

    private static func words(_ text: Substring) -> (UInt64, UInt64)? {
        guard text.utf8.count <= 45 else { return nil }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let first = halves.first, let last = halves.last, let head = groups(first, isEnd: halves.count == 1) else { return nil }
        var all = head
        if halves.count == 2 {
            // The gap stands for one group at least.
            guard let tail = groups(last, isEnd: true), head.count + tail.count <= 7 else { return nil }
            all += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard all.count == 8 else { return nil }
        let high = all[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return (high, all[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) })
    }

    private static func groups(_ text: Substring, isEnd: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isEnd, index == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
                guard let word = word(part) else { return nil }
                groups += [UInt16(word >> 16), UInt16(truncatingIfNeeded: word)]
                continue
            }
            let isHexadecimal = part.utf8.allSatisfy { (48...57).contains($0) || (65...70).contains($0) || (97...102).contains($0) }
            guard (1...4).contains(part.utf8.count), isHexadecimal, let group = UInt16(part, radix: 16) else { return nil }
            groups.append(group)
        }
        return groups
    }

    public var description: String {
        switch self {
        case .v4(let word): [24, 16, 8, 0].map { String(word >> $0 & 255) }.joined(separator: ".")
        case .v6(let high, let low): [high, low].flatMap { word in [48, 32, 16, 0].map { String(word >> $0 & 0xFFFF, radix: 16) } }.joined(separator: ":")
        }
    }
}

/// All addresses that begin with the same bits: `10.0.0.0/8`.
public struct NetworkRange: Sendable, Hashable, CustomStringConvertible {
    private let base: NetworkAddress
    private let bits: Int

    /// Reads an address, or an address with the number of bits that count (RFC 4632, 3.1); nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let base = NetworkAddress(first) else { return nil }
        let width = if case .v4 = base { 32 } else { 128 }
        self.base = base
        guard parts.count == 2 else {
            bits = width
            return
        }
        guard let digits = parts.last, (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }), let bits = Int(digits),
            bits <= width
        else { return nil }
        self.bits = bits
    }

    public func contains(_ address: NetworkAddress) -> Bool {
        // Shifting by the whole width gives nothing, which is equal for any two.
        switch (base, address) {
        case (.v4(let a), .v4(let b)): (a ^ b) >> (32 - bits) == 0
        case (.v6(let a, _), .v6(let b, _)) where bits <= 64: (a ^ b) >> (64 - bits) == 0
        case (.v6(let a, let c), .v6(let b, let d)): a == b && (c ^ d) >> (128 - bits) == 0
        default: false
        }
    }

    public var description: String { "\(base)/\(bits)" }
}
