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

    /// What dictionaries and sets find an identifier by: one multiplication, with numbers that only this process knows, so that nobody outside can choose identifiers
    /// that all fall together. The standard library's way, made for texts of any length, was a fiftieth of what an order costs.
    public func _rawHashValue(seed: Int) -> Int {
        let (a, b) = Identifier.hashKeys
        let product = (high ^ a ^ UInt64(bitPattern: Int64(seed))).multipliedFullWidth(by: low ^ b)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
    private static let hashKeys = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))

    /// The 36-character lower-case text form.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(to: buffer)
            return 36
        }
    }

    /// The 32 lower-case hexadecimal digits without dashes.
    public var digits: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            let out = UnsafeMutableRawBufferPointer(buffer)
            for (index, word) in [high >> 32, high, low >> 32, low].enumerated() {
                out.storeBytes(of: Identifier.hexDigits(UInt32(truncatingIfNeeded: word)).bigEndian, toByteOffset: index * 8, as: UInt64.self)
            }
            return 32
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
        let out = UnsafeMutableRawBufferPointer(out)
        let (a, b) = (Identifier.hexDigits(UInt32(truncatingIfNeeded: high >> 32)), Identifier.hexDigits(UInt32(truncatingIfNeeded: high)))
        let (c, d) = (Identifier.hexDigits(UInt32(truncatingIfNeeded: low >> 32)), Identifier.hexDigits(UInt32(truncatingIfNeeded: low)))
        out.storeBytes(of: a.bigEndian, toByteOffset: 0, as: UInt64.self)
        out.storeBytes(of: UInt32(truncatingIfNeeded: b >> 32).bigEndian, toByteOffset: 9, as: UInt32.self)
        out.storeBytes(of: UInt32(truncatingIfNeeded: b).bigEndian, toByteOffset: 14, as: UInt32.self)
        out.storeBytes(of: UInt32(truncatingIfNeeded: c >> 32).bigEndian, toByteOffset: 19, as: UInt32.self)
        out.storeBytes(of: UInt32(truncatingIfNeeded: c).bigEndian, toByteOffset: 24, as: UInt32.self)
        out.storeBytes(of: d.bigEndian, toByteOffset: 28, as: UInt64.self)
        (out[8], out[13], out[18], out[23]) = (45, 45, 45, 45)
    }

    /// The eight digits of a word, the first in the highest byte: all at once, since an event names eight identifiers and more.
    private static func hexDigits(_ word: UInt32) -> UInt64 {
        var nibbles = UInt64(word)
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // Six more than ten carries into the upper half of its byte: those are letters.
        let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles + 0x3030_3030_3030_3030 + letters * 39
    }

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
