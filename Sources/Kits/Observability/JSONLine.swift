/// The bytes of one log record, written by hand because a log line is written more often than anything else.
///
/// Strings are escaped so that no byte of them can end the string or the line: quotes, backslashes, C0 and C1 control characters, DEL, and
/// U+2028 and U+2029, which some readers take for line ends. Swift has already replaced invalid UTF-8. A string ends after 16 KiB, so that
/// one request cannot fill the log.
struct JSONLine {
    /// Longer strings are cut here, at a character's boundary, and end in "...".
    static let longestStringBytes = 16_384

    private var bytes: [UInt8] = []

    /// Begins a record.
    ///
    /// - Parameter time: Milliseconds since 1970.
    init(time: Int64) {
        bytes.reserveCapacity(512)
        append(#"{"time":""#)
        LogTime.append(milliseconds: time, to: &bytes)
        append("\"")
    }

    /// Adds a string.
    mutating func append(key: String, value: String) {
        append(",")
        appendPair(key, value)
    }

    /// Adds an object of strings. Keys that occur twice are the caller's mistake.
    mutating func append(key: String, object: [(key: String, value: String)]) {
        append(",")
        appendString(key)
        append(":{")
        for (index, entry) in object.enumerated() {
            if index > 0 { append(",") }
            appendPair(entry.key, entry.value)
        }
        append("}")
    }

    /// Ends the record.
    ///
    /// - Returns: The line, with its newline.
    consuming func finish() -> [UInt8] {
        append("}\n")
        return bytes
    }

    private mutating func appendPair(_ key: String, _ value: String) {
        appendString(key)
        append(":")
        appendString(value)
    }

    private mutating func append(_ literal: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Cuts first and hides addresses then, so that neither a long string nor an address across the cut costs or shows anything.
    private mutating func appendString(_ text: String) {
        append("\"")
        var kept = text
        let isCut = text.utf8.count > Self.longestStringBytes
        if isCut {
            var end = text.utf8.index(text.startIndex, offsetBy: Self.longestStringBytes)
            while end.samePosition(in: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
            kept = String(text[..<end])
        }
        kept = redactEmailAddresses(in: kept)
        kept.withUTF8 { appendEscaped($0[...]) }
        append(isCut ? "...\"" : "\"")
    }

    private mutating func appendEscaped(_ utf8: Slice<UnsafeBufferPointer<UInt8>>) {
        var index = utf8.startIndex
        while index < utf8.endIndex {
            let byte = utf8[index]
            let following = utf8[index...].dropFirst()
            switch byte {
            case UInt8(ascii: "\""): append(#"\""#)
            case UInt8(ascii: "\\"): append(#"\\"#)
            case UInt8(ascii: "\n"): append(#"\n"#)
            case UInt8(ascii: "\r"): append(#"\r"#)
            case UInt8(ascii: "\t"): append(#"\t"#)
            case 0..<0x20, 0x7F: appendCodePoint(0, byte)
            case 0xC2 where following.first.map { $0 < 0xA0 } ?? false:
                appendCodePoint(0, utf8[index + 1])
                index += 1
            case 0xE2 where following.starts(with: [0x80, 0xA8]) || following.starts(with: [0x80, 0xA9]):
                appendCodePoint(0x20, utf8[index + 2] - 0x80)
                index += 2
            default: bytes.append(byte)
            }
            index += 1
        }
    }

    private mutating func appendCodePoint(_ high: UInt8, _ low: UInt8) {
        append(#"\u"#)
        for digit in [high >> 4, high & 15, low >> 4, low & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
    }
}
