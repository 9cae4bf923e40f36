import Wire

/// Reads an array of CloudEvents without reading what the events say: it finds where each one's `data` begins and ends, and hands that on byte by byte as it is.
///
/// What it takes for one value is one in every reader's eyes as far as its brackets and quotes go; whether the inside is JSON is for whoever reads the event. Never traps, and nests
/// no deeper than ``JSONParser``.
struct BundleReader {
    /// One event.
    struct Element {
        /// Names and texts, in the order in which they stand.
        var attributes: [(name: String, value: String)] = []
        var data: [UInt8] = []
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Whether the bytes are one value, with nothing before or behind it.
    static func isOneValue(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var reader = BundleReader(bytes)
        return reader.skipValue() && reader.place == bytes.count
    }

    /// All elements; nil where something is not as it should be, or there are too many.
    mutating func elements(atMost count: Int) -> [Element]? {
        var elements: [Element] = []
        skipSpace()
        guard take(UInt8(ascii: "[")) else { return nil }
        repeat {
            guard elements.count < count, let element = element() else { return nil }
            elements.append(element)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { return nil }
        skipSpace()
        return place == bytes.count ? elements : nil
    }

    private mutating func element() -> Element? {
        var element = Element()
        var hasData = false
        skipSpace()
        guard take(UInt8(ascii: "{")) else { return nil }
        repeat {
            skipSpace()
            guard let name = text() else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return nil }
            skipSpace()
            let begin = place
            guard skipValue() else { return nil }
            if name == "data" {
                if hasData { return nil }
                hasData = true
                element.data = Array(bytes[begin..<place])
            } else {
                guard let value = value(begin..<place), !element.attributes.contains(where: { $0.name == name }) else { return nil }
                element.attributes.append((name, value))
            }
            skipSpace()
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) && hasData ? element : nil
    }

    /// An attribute as text: CloudEvents writes numbers and truth values without quotes.
    private func value(_ range: Range<Int>) -> String? {
        guard bytes[range.lowerBound] == UInt8(ascii: "\"") else { return String(validating: bytes[range], as: UTF8.self) }
        let inside = range.dropFirst().dropLast()
        if !bytes[inside].contains(UInt8(ascii: "\\")) { return String(validating: bytes[inside], as: UTF8.self) }
        guard case .string(let text)? = try? JSONParser.parse(UnsafeBufferPointer(rebasing: bytes[range])) else { return nil }
        return text
    }

    private mutating func text() -> String? {
        let begin = place
        guard take(UInt8(ascii: "\"")), skipString() else { return nil }
        return value(begin..<place)
    }

    // MARK: Finding ends

    private mutating func take(_ byte: UInt8) -> Bool {
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count {
            switch bytes[place] {
            case 32, 10, 13, 9: place += 1
            default: return
            }
        }
    }

    /// The rest of a text, after its first quote.
    private mutating func skipString() -> Bool {
        while place < bytes.count {
            let byte = bytes[place]
            place += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return true }
        }
        return false
    }

    /// One value: a text, a word or number, or everything up to the bracket that belongs to the first.
    private mutating func skipValue() -> Bool {
        // One bit for each bracket that is open: whether it is a brace.
        var (depth, braces): (Int, UInt64) = (0, 0)
        repeat {
            guard place < bytes.count else { return false }
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                guard skipString() else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                place += 1
                depth += 1
                guard depth <= JSONParser.maximumDepth else { return false }
                braces = braces << 1 | (byte == UInt8(ascii: "{") ? 1 : 0)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0, braces & 1 == (byte == UInt8(ascii: "}") ? 1 : 0) else { return false }
                place += 1
                depth -= 1
                braces >>= 1
            default:
                if depth > 0 { place += 1 } else { guard skipWord() else { return false } }
            }
        } while depth > 0
        return true
    }

    private mutating func skipWord() -> Bool {
        let begin = place
        while place < bytes.count, BundleReader.isOfWord(bytes[place]) { place += 1 }
        return place > begin
    }

    /// Letters, digits, and what numbers have.
    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): true
        default: false
        }
    }
}
