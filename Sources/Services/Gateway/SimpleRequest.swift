/// A request that stands in one piece at the beginning of some bytes, recognised without an HTTP parser.
///
/// Only what leaves no doubt about where the request ends is recognised: one of the given request lines, header lines of plain names and values, at most one
/// `Content-Length`, and nothing that changes the framing or asks for something special. A parser and this must never disagree about the end of a request, or
/// one client's bytes could pass for another's request behind a proxy; so every doubt is left to the parser.
struct SimpleRequest: Equatable {
    /// Which request line it is; nil for another than the given ones.
    let line: Int?
    /// Bytes of the head, with the empty line.
    let headLength: Int
    /// Bytes of the body, which need not be there yet.
    let bodyLength: Int
    /// Where the value of `Origin` stands: the page that sent the request. Nil where none did.
    let origin: Range<Int>?

    /// The largest head that is looked at.
    private static let longestHead = 8 * 1024
    /// CONNECT and its like are not among them.
    private static let methods: [[UInt8]] = ["GET /", "POST /", "PUT /", "DELETE /", "HEAD /", "PATCH /"].map { Array($0.utf8) }
    /// Headers that only the parser's users understand.
    private static let special: [[UInt8]] = ["transfer-encoding", "connection", "expect", "upgrade", "te", "trailer"].map { Array($0.utf8) }
    private static let contentLength = Array("content-length".utf8)
    private static let originName = Array("origin".utf8)

    /// - Parameter lines: request lines with their line ends.
    /// - Returns: nil when the head is not there as a whole, or is not simple.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, lines: [[UInt8]]) {
        guard let first = SimpleRequest.endOfLine(bytes, from: 0), bytes[..<first].allSatisfy({ (32...126).contains($0) }) else { return nil }
        // Any other line is a request as well, as long as it is one of this version and of a method without framing of its own.
        guard first >= 14, bytes[(first - 9)..<first].elementsEqual(" HTTP/1.1".utf8),
            SimpleRequest.methods.contains(where: { bytes.starts(with: $0) })
        else { return nil }
        line = lines.firstIndex { $0.count == first + 2 && bytes[..<(first + 2)].elementsEqual($0) }
        var (position, length, page) = (first + 2, nil as Int?, nil as Range<Int>?)
        while let end = SimpleRequest.endOfLine(bytes, from: position) {
            if end == position {
                (headLength, bodyLength, origin) = (end + 2, length ?? 0, page)
                return
            }
            guard let colon = bytes[position..<end].firstIndex(of: UInt8(ascii: ":")), colon > position,
                bytes[position..<colon].allSatisfy(SimpleRequest.isName), bytes[(colon + 1)..<end].allSatisfy(SimpleRequest.isValue)
            else { return nil }
            let name = bytes[position..<colon]
            if SimpleRequest.special.contains(where: { SimpleRequest.isSame(name, $0) }) { return nil }
            if SimpleRequest.isSame(name, SimpleRequest.contentLength) {
                guard length == nil, let value = SimpleRequest.number(bytes[(colon + 1)..<end]) else { return nil }
                length = value
            }
            if SimpleRequest.isSame(name, SimpleRequest.originName) {
                // Which of two is meant is for others to say.
                guard page == nil, bytes[colon + 1] == 32 else { return nil }
                page = (colon + 2)..<end
            }
            position = end + 2
        }
        return nil
    }

    /// Where the CR of the line's end stands.
    private static func endOfLine(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var index = start
        let limit = min(bytes.count - 1, longestHead)
        while index < limit {
            if bytes[index] == 13 { return bytes[index + 1] == 10 ? index : nil }
            if bytes[index] == 10 { return nil }
            index += 1
        }
        return nil
    }

    private static func isName(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == 45 }
    private static func isValue(_ byte: UInt8) -> Bool { (32...126).contains(byte) }

    private static func isSame(_ name: Slice<UnsafeBufferPointer<UInt8>>, _ lowercase: [UInt8]) -> Bool {
        guard name.count == lowercase.count else { return false }
        return zip(name, lowercase).allSatisfy { $0 == $1 || (65...90).contains($0) && $0 + 32 == $1 }
    }

    /// One space, then 1 to 7 digits.
    private static func number(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        guard text.first == 32, (2...8).contains(text.count) else { return nil }
        var number = 0
        for byte in text.dropFirst() {
            guard (48...57).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 48)
        }
        return number
    }
}
