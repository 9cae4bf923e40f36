import Wire

/// Finds one value in JSON that our own server wrote, without reading the rest: the load generator shares the machine with what it measures.
enum JSONScan {
    /// The UUID of the first member with this key, as `"key":"..."` without blanks; nil if there is none.
    ///
    /// A quote inside a string is escaped, so the pattern can only be a member.
    static func identifier(_ key: StaticString, in bytes: UnsafeBufferPointer<UInt8>) -> Identifier? {
        let length = key.utf8CodeUnitCount
        // Two quotes around the key, a colon and a quote, then 36 characters.
        guard bytes.count >= length + 4 + 36 else { return nil }
        let name = key.utf8Start
        var position = 0
        let last = bytes.count - (length + 4 + 36)
        search: while position <= last {
            guard bytes[position] == UInt8(ascii: "\"") else {
                position += 1
                continue
            }
            for offset in 0..<length where bytes[position + 1 + offset] != name[offset] {
                position += 1
                continue search
            }
            let end = position + 1 + length
            if bytes[end] == UInt8(ascii: "\""), bytes[end + 1] == UInt8(ascii: ":"), bytes[end + 2] == UInt8(ascii: "\"") {
                return uuid(UnsafeBufferPointer(rebasing: bytes[(end + 3)..<(end + 39)]))
            }
            position += 1
        }
        return nil
    }

    static func identifier(_ key: StaticString, in bytes: [UInt8]) -> Identifier? {
        bytes.withUnsafeBufferPointer { identifier(key, in: $0) }
    }

    static func identifier(_ key: StaticString, in text: String) -> Identifier? {
        var text = text
        return text.withUTF8 { identifier(key, in: $0) }
    }

    private static func uuid(_ text: UnsafeBufferPointer<UInt8>) -> Identifier? {
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for byte in text where byte != UInt8(ascii: "-") {
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 97...102: digit = byte - 87
            default: return nil
            }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            digits += 1
        }
        return digits == 32 ? Identifier(high: words.0, low: words.1) : nil
    }
}
