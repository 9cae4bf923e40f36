/// Appends JSON text to a byte array, in the order it is told: the same calls give the same bytes.
///
/// Well-formedness is the caller's (every `begin` has its `end`); commas and escaping are done here.
public struct JSONWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// A writer with room for a typical document.
    public init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// The bytes of one object written by a closure.
    public static func object(capacity: Int = 512, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: capacity)
        writer.object(body)
        return writer.bytes
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { bytes.append(44) }
    }

    /// Writes an object whose members the closure writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(123)
        needsComma = false
        body(&self)
        bytes.append(125)
        needsComma = true
    }

    /// Writes an array whose elements the closure writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(91)
        needsComma = false
        body(&self)
        bytes.append(93)
        needsComma = true
    }

    /// Writes an array of values.
    @inlinable
    public mutating func array<S: Sequence>(_ values: S, _ each: (inout JSONWriter, S.Element) -> Void) {
        array { writer in for value in values { each(&writer, value) } }
    }

    /// Writes the key of the next member; the key is ours and needs no escaping.
    public mutating func key(_ key: StaticString) {
        separate()
        bytes.append(34)
        bytes.append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        bytes.append(34)
        bytes.append(58)
        needsComma = false
    }

    /// Writes a key that comes from data.
    public mutating func key(escaping key: String) {
        string(key)
        bytes.append(58)
        needsComma = false
    }

    /// Writes a null.
    public mutating func null() { raw("null") }
    /// Writes a truth value.
    public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    /// Writes an integer.
    public mutating func integer(_ value: some BinaryInteger) {
        separate()
        needsComma = true
        var value = Int64(value)
        if value < 0 {
            guard value != .min else {
                bytes.append(contentsOf: "-9223372036854775808".utf8)
                return
            }
            bytes.append(45)
            value = -value
        }
        let start = bytes.count
        repeat {
            bytes.append(UInt8(48 + value % 10))
            value /= 10
        } while value > 0
        bytes[start...].reverse()
    }

    /// Writes a finite number with at most three decimals; null for one that JSON cannot express.
    public mutating func decimal(_ value: Double) {
        guard value.isFinite, abs(value) < 1e15 else { return null() }
        separate()
        let scaled = (value * 1000).rounded()
        let text = scaled.truncatingRemainder(dividingBy: 1000) == 0 ? String(Int64(scaled / 1000)) : String(scaled / 1000)
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    /// Writes a UUID as text.
    public mutating func identifier(_ value: Identifier) {
        separate()
        bytes.append(34)
        value.append(to: &bytes)
        bytes.append(34)
        needsComma = true
    }

    /// Writes a moment as RFC 3339 text.
    public mutating func timestamp(_ value: Timestamp) {
        separate()
        bytes.append(34)
        value.text { bytes.append(contentsOf: $0) }
        bytes.append(34)
        needsComma = true
    }

    /// Writes a string, escaped as RFC 8259 section 7 demands.
    public mutating func string(_ text: String) {
        separate()
        bytes.append(34)
        var text = text
        text.withUTF8 { utf8 in
            var clean = 0
            for (index, byte) in utf8.enumerated() where byte < 32 || byte == 34 || byte == 92 {
                bytes.append(contentsOf: utf8[clean..<index])
                escape(byte)
                clean = index + 1
            }
            bytes.append(contentsOf: utf8[clean...])
        }
        bytes.append(34)
        needsComma = true
    }

    /// Writes a value that was parsed before.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let bool): self.bool(bool)
        case .number(let text): raw(text)
        case .string(let text): string(text)
        case .array(let values): array(values) { $0.value($1) }
        case .object(let object):
            self.object {
                for member in object.members {
                    $0.key(escaping: member.key)
                    $0.value(member.value)
                }
            }
        }
    }

    /// Appends text that is JSON already.
    public mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    /// Appends bytes that are JSON already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(92)
        switch byte {
        case 34, 92: bytes.append(byte)
        case 8: bytes.append(UInt8(ascii: "b"))
        case 9: bytes.append(UInt8(ascii: "t"))
        case 10: bytes.append(UInt8(ascii: "n"))
        case 12: bytes.append(UInt8(ascii: "f"))
        case 13: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}

/// Members with a key and a value in one call.
extension JSONWriter {
    public mutating func member(_ key: StaticString, _ value: String) {
        self.key(key)
        string(value)
    }
    public mutating func member(_ key: StaticString, _ value: some BinaryInteger) {
        self.key(key)
        integer(value)
    }
    public mutating func member(_ key: StaticString, _ value: Bool) {
        self.key(key)
        bool(value)
    }
    public mutating func member(_ key: StaticString, _ value: Identifier) {
        self.key(key)
        identifier(value)
    }
    public mutating func member(_ key: StaticString, _ value: Timestamp) {
        self.key(key)
        timestamp(value)
    }
    public mutating func member(_ key: StaticString, decimal value: Double) {
        self.key(key)
        decimal(value)
    }
    /// Writes the member only when there is a value.
    public mutating func optional(_ key: StaticString, _ value: String?) {
        if let value { member(key, value) }
    }
    public mutating func optional(_ key: StaticString, _ value: Identifier?) {
        if let value { member(key, value) }
    }
    public mutating func optional(_ key: StaticString, _ value: Timestamp?) {
        if let value { member(key, value) }
    }
}
