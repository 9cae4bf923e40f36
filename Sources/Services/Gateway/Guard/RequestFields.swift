/// The header lines of a head that say how it is to be read; of the others only that they are header lines.
struct RequestFields {
    enum Expectation { case none, continuation, other }

    private var host: [UInt8]?
    private var length: Int?
    private var isChunked = false
    private var count = 0
    private(set) var closes = false
    private(set) var hasUpgrade = false
    private(set) var expectation = Expectation.none

    /// Reads a line, without its end.
    /// - Returns: whether the parser is to see it also where the head is rewritten.
    /// - Throws: ``MessageFault``.
    mutating func read(_ line: UnsafeBufferPointer<UInt8>) throws(MessageFault) -> Bool {
        count += 1
        if count > RequestHead.mostFields { throw .headersTooLarge }
        // A blank before the colon or at the line's beginning (a folded line) is no name's (RFC 9112, 5.1 and 5.2).
        var colon = 0
        while colon < line.count, RequestFields.isToken(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else { throw .header }
        var index = colon + 1
        while index < line.count {
            let byte = line[index]
            if byte < 32 && byte != 9 || byte == 127 { throw .header }
            index += 1
        }
        switch RequestFields.named(line, colon) {
        case .host:
            guard host == nil else { throw .host }
            host = Array(RequestFields.value(line, colon))
        case .contentLength: try readLength(line, colon)
        case .transferEncoding:
            guard !isChunked, length == nil, RequestFields.isSame(RequestFields.value(line, colon), "chunked") else { throw .framing }
            isChunked = true
        case .expect:
            let isContinue = expectation == .none && RequestFields.isSame(RequestFields.value(line, colon), "100-continue")
            expectation = isContinue ? .continuation : .other
        case .connection:
            readConnection(RequestFields.value(line, colon))
            return false
        case .upgrade:
            hasUpgrade = true
            return false
        case .other: break
        }
        return true
    }

    private mutating func readLength(_ line: UnsafeBufferPointer<UInt8>, _ colon: Int) throws(MessageFault) {
        let text = RequestFields.value(line, colon)
        guard length == nil, !isChunked, (1...15).contains(text.count) else { throw .framing }
        var number = 0
        for byte in text {
            guard (48...57).contains(byte) else { throw .framing }
            number = number * 10 + Int(byte - 48)
        }
        length = number
    }

    private mutating func readConnection(_ value: Slice<UnsafeBufferPointer<UInt8>>) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let word = RequestFields.trimmed(option)
            if RequestFields.isSame(word, "close") { closes = true }
            if RequestFields.isSame(word, "upgrade") || RequestFields.isSame(word, "http2-settings") { hasUpgrade = true }
        }
    }

    /// The host, where it is one (RFC 9112, 3.2): `name`, `name:port`, `[address]:port`. Nil where HTTP/1.0 sends none.
    func checkedHost(isOld: Bool) throws(MessageFault) -> [UInt8]? {
        guard let host else {
            if isOld { return nil }
            throw .host
        }
        guard RequestFields.isHost(host) else { throw .host }
        return host
    }

    /// Whether some bytes are `name`, `name:port`, `[address]` or `[address]:port`.
    static func isHost(_ host: [UInt8]) -> Bool {
        var name = host[...]
        if let colon = name.lastIndex(of: UInt8(ascii: ":")), name[colon...].dropFirst().allSatisfy({ (48...57).contains($0) }) {
            guard name.count - (colon - name.startIndex) <= 6 else { return false }
            name = name[..<colon]
        }
        let isBracketed = name.first == UInt8(ascii: "[")
        if isBracketed {
            guard name.last == UInt8(ascii: "]"), name.count > 2 else { return false }
            name = name.dropFirst().dropLast()
        }
        return !name.isEmpty && name.count <= 255 && name.allSatisfy { isHostByte($0) || isBracketed && $0 == UInt8(ascii: ":") }
    }

    /// Where the message ends (RFC 9112, 6.3). Nothing else than exactly one way of saying so is accepted.
    func body(isOld: Bool) throws(MessageFault) -> RequestHead.Body {
        guard isChunked else { return .length(length ?? 0) }
        if isOld { throw .framing }
        return .chunked
    }
}

extension RequestFields {
    private enum Name { case host, contentLength, transferEncoding, expect, connection, upgrade, other }

    /// Most names are told apart by their length alone.
    private static func named(_ line: UnsafeBufferPointer<UInt8>, _ length: Int) -> Name {
        let name = line[..<length]
        switch length {
        case 4: return isSame(name, "host") ? .host : .other
        case 6: return isSame(name, "expect") ? .expect : .other
        case 7: return isSame(name, "upgrade") ? .upgrade : .other
        case 10: return isSame(name, "connection") ? .connection : .other
        case 14: return isSame(name, "content-length") ? .contentLength : isSame(name, "http2-settings") ? .upgrade : .other
        case 17: return isSame(name, "transfer-encoding") ? .transferEncoding : .other
        default: return .other
        }
    }

    /// What follows the colon, without spaces around it. A tab stays, and makes a value that matters another than it should be.
    private static func value(_ line: UnsafeBufferPointer<UInt8>, _ colon: Int) -> Slice<UnsafeBufferPointer<UInt8>> { trimmed(line[(colon + 1)...]) }

    private static func trimmed(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
        var text = text
        while text.first == 32 { text = text.dropFirst() }
        while text.last == 32 { text = text.dropLast() }
        return text
    }

    private static func isSame(_ text: Slice<UnsafeBufferPointer<UInt8>>, _ lowercase: StaticString) -> Bool {
        guard text.count == lowercase.utf8CodeUnitCount else { return false }
        let other = UnsafeBufferPointer(start: lowercase.utf8Start, count: lowercase.utf8CodeUnitCount)
        return zip(text, other).allSatisfy { $0 == $1 || (65...90).contains($0) && $0 + 32 == $1 }
    }

    /// A character of a name or a method (RFC 9110, 5.6.2): letters, digits and some marks, of which these two numbers have a bit each. It is asked for every byte of
    /// every name.
    static func isToken(_ byte: UInt8) -> Bool {
        byte < 128 && (byte < 64 ? 0x03ff_6cfa_0000_0000 : 0x57ff_ffff_c7ff_fffe as UInt64) >> UInt64(byte & 63) & 1 == 1
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 97...122, 65...90, 48...57, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "%"): true
        default: false
        }
    }
}
