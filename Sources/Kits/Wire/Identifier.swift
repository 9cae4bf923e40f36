/// A 128-bit UUID (RFC 9562), kept as two words so that comparing, hashing and printing cost nanoseconds.
///
/// Ordered as its bytes are; identifiers made by ``IdentifierGenerator`` are therefore ordered by time, which keeps database indexes append-only.
public struct Identifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    /// The identifier with these sixteen bytes.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Parses the 36-character text form, in either letter case; nil for anything else.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        let parsed = text.withUTF8 { Identifier.parse($0) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The identifier in a 16-byte buffer; nil for another length.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// Milliseconds since 1970 of a version 7 identifier (RFC 9562, 5.7).
    public var milliseconds: Int64 { Int64(high >> 16) }

    /// The smallest version 7 identifier of a moment: a lower bound for searches by time.
    public static func lowerBound(of time: Timestamp) -> Identifier {
        Identifier(high: UInt64(max(0, time.milliseconds)) << 16, low: 0)
    }

    @inlinable
    public static func < (a: Identifier, b: Identifier) -> Bool { a.high != b.high ? a.high < b.high : a.low < b.low }

    /// The 36-character lower-case text form.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(to: buffer)
            return 36
        }
    }

    /// Appends the text form to a byte array.
    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 36) { buffer in
            write(to: buffer)
            bytes.append(contentsOf: buffer)
        }
    }

    private func write(to out: UnsafeMutableBufferPointer<UInt8>) {
        var position = 0
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 {
                out[position] = 45
                position += 1
            }
            let word = index < 8 ? high : low
            let byte = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
            out[position] = Identifier.hexDigit(byte >> 4)
            out[position + 1] = Identifier.hexDigit(byte & 15)
            position += 2
        }
    }

    @inline(__always)
    private static func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 + nibble : 87 + nibble }

    static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Identifier? {
        guard text.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in text.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == 45 else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 97...102: digit = byte - 87
            case 65...70: digit = byte - 55
            default: return nil
            }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            digits += 1
        }
        return Identifier(high: words.0, low: words.1)
    }
}
