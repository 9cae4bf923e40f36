import Glibc

/// A request's head, read strictly by RFC 9112: what two readers could take for two different things is refused, however likely one of them is.
///
/// The parser behind it reads the same bytes again and is more lenient. That does no harm, because what it is given has only one meaning.
struct RequestHead: Equatable {
    /// The longest request line or header line, in bytes.
    static let longestLine = 16 * 1024
    /// The most bytes of a head.
    static let longest = 32 * 1024
    /// The most header lines.
    static let mostFields = 100

    /// What follows the head.
    enum Body: Equatable {
        case length(Int)
        case chunked
    }

    let body: Body
    /// Whether the connection ends with this request, because the client said so or speaks HTTP/1.0.
    let isLast: Bool
    /// Whether the client waits for "100 Continue" before it sends the body.
    let expectsContinue: Bool
    /// The head as the parser is to see it, where that differs: with a path in the place of a URL, and without what asks for another protocol.
    let rewritten: [UInt8]?

    /// Reads a head.
    /// - Parameter bytes: all of it, with the empty line; every line ends with CR LF, as ``HeadScanner`` makes sure.
    /// - Throws: ``MessageFault``.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(MessageFault) {
        let first = RequestHead.lineEnd(bytes, from: 0)
        let line = try Line(UnsafeBufferPointer(rebasing: bytes[..<first]))
        var fields = RequestFields()
        var rest = first + 2
        var kept: [Range<Int>] = []
        while rest < bytes.count {
            let end = RequestHead.lineEnd(bytes, from: rest)
            if end == rest { break }
            if try fields.read(UnsafeBufferPointer(rebasing: bytes[rest..<end])) { kept.append(rest..<min(end + 2, bytes.count)) }
            rest = end + 2
        }
        let host = try fields.checkedHost(isOld: line.isOld)
        if let authority = line.authority {
            guard let host, host.elementsEqual(UnsafeBufferPointer(rebasing: bytes[authority])) else { throw .host }
        }
        body = try fields.body(isOld: line.isOld)
        isLast = fields.closes || line.isOld
        if fields.expectation == .other { throw .expectation }
        expectsContinue = fields.expectation == .continuation && !line.isOld && body != .length(0)
        guard fields.hasUpgrade || line.authority != nil else {
            rewritten = nil
            return
        }
        rewritten = RequestHead.rewrite(bytes, line, keeping: kept, isLast: isLast)
    }

    private static func rewrite(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Line, keeping kept: [Range<Int>], isLast: Bool) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 24)
        text += bytes[line.method] + [32]
        if bytes[line.target].first == UInt8(ascii: "?") || line.target.isEmpty { text.append(UInt8(ascii: "/")) }
        text += bytes[line.target]
        text += line.isOld ? Array(" HTTP/1.0\r\n".utf8) : Array(" HTTP/1.1\r\n".utf8)
        for range in kept { text += bytes[range] }
        if isLast { text += Array("Connection: close\r\n".utf8) }
        return text + [13, 10]
    }

    /// Where the CR of a line's end stands; before every LF there is one.
    private static func lineEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        guard let base = bytes.baseAddress, start < bytes.count, let found = memchr(base + start, 10, bytes.count - start) else { return bytes.count }
        return max(start, UnsafeRawPointer(found) - UnsafeRawPointer(base) - 1)
    }

    static func isUppercase(_ byte: UInt8) -> Bool { (65...90).contains(byte) }
}

extension RequestHead {
    /// A request line: a method, a target and a version, with one space between them.
    struct Line: Equatable {
        let method: Range<Int>
        /// The path and the query, also of a target that is a URL.
        let target: Range<Int>
        /// The host and port of a target that is a URL (RFC 9112, 3.2.2).
        let authority: Range<Int>?
        /// Whether it is HTTP/1.0.
        let isOld: Bool

        private static let known: [[UInt8]] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"].map { Array($0.utf8) }
        private static let schemes: [[UInt8]] = ["http://", "https://"].map { Array($0.utf8) }

        init(_ bytes: UnsafeBufferPointer<UInt8>) throws(MessageFault) {
            guard let space = bytes.firstIndex(of: 32), space > 0, bytes[..<space].allSatisfy(RequestFields.isToken) else { throw .requestLine }
            let versionStart = bytes.count - 8
            guard versionStart > space + 1, bytes[versionStart - 1] == 32, bytes[versionStart..<(versionStart + 5)].elementsEqual("HTTP/".utf8),
                bytes[versionStart + 6] == UInt8(ascii: "."), (48...57).contains(bytes[versionStart + 5]), (48...57).contains(bytes[versionStart + 7])
            else { throw .requestLine }
            let whole = (space + 1)..<(versionStart - 1)
            guard !whole.isEmpty, !bytes[whole].contains(32) else { throw .requestLine }
            guard bytes[versionStart + 5] == UInt8(ascii: "1"), bytes[versionStart + 7] <= UInt8(ascii: "1") else { throw .version }
            isOld = bytes[versionStart + 7] == UInt8(ascii: "0")
            method = 0..<space
            guard Line.known.contains(where: { bytes[..<space].elementsEqual($0) }) else { throw .method }
            guard bytes[whole].allSatisfy(Line.isTarget) else { throw .target }
            if bytes[whole.lowerBound] == UInt8(ascii: "/") || whole.count == 1 && bytes[whole.lowerBound] == UInt8(ascii: "*") {
                if bytes[whole.lowerBound] == UInt8(ascii: "*"), !bytes[..<space].elementsEqual("OPTIONS".utf8) { throw .target }
                (target, authority) = (whole, nil)
                return
            }
            guard let scheme = Line.schemes.first(where: { bytes[whole].starts(with: $0) }) else { throw .target }
            let start = whole.lowerBound + scheme.count
            let end = bytes[start..<whole.upperBound].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? whole.upperBound
            guard end > start else { throw .target }
            (authority, target) = (start..<end, end..<whole.upperBound)
        }

        /// Visible ASCII without what a URL never has: such characters are read differently by different readers.
        static func isTarget(_ byte: UInt8) -> Bool {
            guard (33...126).contains(byte) else { return false }
            switch byte {
            case UInt8(ascii: "#"), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"): return false
            default: return true
            }
        }
    }
}
