/// base64url without padding (RFC 4648, 5; RFC 7515, 2).
public enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of every byte; 255 for those that are not in the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    /// The text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        let length = (bytes.count * 4 + 2) / 3
        return String(unsafeUninitializedCapacity: length) { text in
            alphabet.withUnsafeBufferPointer { alphabet in
                var place = 0
                var pending: UInt32 = 0
                var bits: UInt32 = 0
                for byte in bytes {
                    pending = pending << 8 | UInt32(byte)
                    bits += 8
                    while bits >= 6 {
                        bits -= 6
                        text[place] = alphabet[Int(pending >> bits & 63)]
                        place += 1
                    }
                    pending &= (1 << bits) - 1
                }
                if bits > 0 { text[place] = alphabet[Int(pending << (6 - bits) & 63)] }
            }
            return length
        }
    }

    /// The bytes of a text; nil for one that ``encode(_:)`` does not write.
    ///
    /// Padding, other alphabets, white space and bits that do not matter are refused: two texts for the same bytes are how a signature is passed off as another one.
    public static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? { text.withUnsafeBufferPointer { decode($0) } }

    private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var pending: UInt32 = 0
        var bits: UInt32 = 0
        for letter in text {
            let value = values[Int(letter)]
            guard value != 255 else { return nil }
            pending = pending << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: pending >> bits))
            pending &= (1 << bits) - 1
        }
        return pending == 0 ? bytes : nil
    }

    /// The bytes of a text in UTF-8; nil for one that ``encode(_:)`` does not write.
    public static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text[...]) }

    /// The bytes of a text; nil for one that ``encode(_:)`` does not write.
    public static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)[...]) }
}
