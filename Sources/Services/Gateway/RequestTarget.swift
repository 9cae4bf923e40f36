/// The path and query of a request, decoded (RFC 3986; the query as application/x-www-form-urlencoded).
struct RequestTarget {
    /// The path as it came, without the query.
    let path: String
    /// The decoded segments; empty ones are dropped, so a slash at the end does not matter.
    let segments: [String]
    let query: [(name: String, value: String)]

    /// Nil when an escape is malformed or the decoded text is not UTF-8.
    init?(_ target: String) {
        // Bytes: the marks are ASCII, and to divide a text into characters costs more than all the rest.
        let parts = target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false).map { Substring($0) }
        path = String(parts[0])
        var segments: [String] = []
        for segment in parts[0].utf8.split(separator: UInt8(ascii: "/")).map({ Substring($0) }) {
            guard let decoded = RequestTarget.decode(segment, isQuery: false) else { return nil }
            segments.append(decoded)
        }
        self.segments = segments
        var query: [(String, String)] = []
        if parts.count == 2 {
            for pair in parts[1].split(separator: "&") {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = RequestTarget.decode(sides[0], isQuery: true),
                    let value = RequestTarget.decode(sides.count == 2 ? sides[1] : "", isQuery: true)
                else { return nil }
                query.append((name, value))
            }
        }
        self.query = query
    }

    private static func decode(_ text: Substring, isQuery: Bool) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) || isQuery && text.utf8.contains(UInt8(ascii: "+")) else { return String(text) }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.count, let high = hex(bytes[index + 1]), let low = hex(bytes[index + 2]), high << 4 | low != 0 else { return nil }
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(isQuery && bytes[index] == UInt8(ascii: "+") ? 32 : bytes[index])
                index += 1
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
