/// A message that one reader could take for another's, or for two.
struct AmbiguousMessage: Sendable {
    let name: String
    let bytes: [UInt8]
    /// The only answer that it may get.
    let status: Int

    init(_ name: String, _ text: String, _ status: Int = 400) { (self.name, bytes, self.status) = (name, Array(text.utf8), status) }
    init(_ name: String, bytes: [UInt8], _ status: Int = 400) { (self.name, self.bytes, self.status) = (name, bytes, status) }

    /// What an attacker would like to see served as a request of its own.
    static let smuggled = "GET /api/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let line = "POST /api/v1/take HTTP/1.1\r\n"
    private static let start = line + "Host: a\r\n"

    private static func fields(_ name: String, _ fields: String, body: String = "0\r\n\r\n") -> AmbiguousMessage {
        AmbiguousMessage(name, start + fields + "\r\n\r\n" + body + smuggled)
    }
    private static func chunks(_ name: String, _ body: String) -> AmbiguousMessage {
        AmbiguousMessage("chunks: " + name, start + "Transfer-Encoding: chunked\r\n\r\n" + body + smuggled)
    }
    private static func first(_ line: String, _ status: Int = 400) -> AmbiguousMessage {
        AmbiguousMessage("line: \(line.prefix(60))", line + "\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + smuggled, status)
    }

    static let all: [AmbiguousMessage] = lengths + codings + headers + hosts + lines + chunked + sizes

    private static let lengths: [AmbiguousMessage] = [
        fields("a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        fields("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        fields("a length of 0 and chunks", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
        fields("two lengths", "Content-Length: 5\r\nContent-Length: 6"), fields("the same length twice", "Content-Length: 5\r\nContent-Length: 5"),
        fields("a list of lengths", "Content-Length: 5, 5"), fields("a length with a sign", "Content-Length: +5"),
        fields("a negative length", "Content-Length: -5"), fields("a hexadecimal length", "Content-Length: 0x5"),
        fields("a length with a letter", "Content-Length: 5a"), fields("no length", "Content-Length: "),
        fields("a tab before the length", "Content-Length:\t5"),
        fields("two numbers", "Content-Length: 5 5"), fields("a length beyond all numbers", "Content-Length: 99999999999999999999999"),
        fields("a length that ends elsewhere", "Content-Length: 5\u{B}"),
    ]

    private static let codings: [AmbiguousMessage] = [
        fields("chunked, then identity", "Transfer-Encoding: chunked, identity"), fields("identity, then chunked", "Transfer-Encoding: identity, chunked"),
        fields("almost chunked", "Transfer-Encoding: xchunked"), fields("chunked in quotes", "Transfer-Encoding: \"chunked\""),
        fields("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        fields("chunked and something else", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"), fields("gzip", "Transfer-Encoding: gzip, chunked"),
        fields("a tab before chunked", "Transfer-Encoding:\tchunked"), fields("a tab after chunked", "Transfer-Encoding: chunked\t"),
        fields("a vertical tab before chunked", "Transfer-Encoding:\u{B}chunked"), fields("chunked with a parameter", "Transfer-Encoding: chunked;a=b"),
        fields("a blank before the colon", "Transfer-Encoding : chunked"), fields("a blank before the name", " Transfer-Encoding: chunked"),
        fields("a folded value", "Transfer-Encoding:\r\n chunked"), fields("no coding", "Transfer-Encoding:"),
        AmbiguousMessage("chunks in HTTP/1.0", "POST /api/v1/take HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled),
    ]

    private static let headers: [AmbiguousMessage] = [
        fields("a folded header", "X: a\r\n b\r\nContent-Length: 0", body: ""), fields("a line feed alone in a header", "X: a\nTransfer-Encoding: chunked"),
        fields("a carriage return alone in a header", "X: a\rTransfer-Encoding: chunked"), fields("NUL in a name", "X\u{0}: a"),
        fields("NUL in a value", "X: a\u{0}b"), fields("a control character", "X: a\u{1}b"), fields("DEL", "X: a\u{7F}b"), fields("no colon", "X"),
        fields("no name", ": a"), fields("a name in brackets", "(X): a"), fields("a name that is not ASCII", "Ü: a"),
        AmbiguousMessage("line feeds alone", "POST /api/v1/take HTTP/1.1\nHost: a\nContent-Length: 0\n\n" + smuggled),
        AmbiguousMessage("a line feed alone at the end", start + "Content-Length: 0\r\n\n" + smuggled),
        fields("another expectation", "Expect: 200-maybe\r\nContent-Length: 0", body: "").with(417),
        fields("two expectations", "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 0", body: "").with(417),
    ]

    private static let hosts: [AmbiguousMessage] =
        oddHosts + [
            AmbiguousMessage("no host", line + "Content-Length: 0\r\n\r\n" + smuggled), fields("two hosts", "Host: b\r\nContent-Length: 0", body: ""),
            fields("the same host twice", "Host: a\r\nContent-Length: 0", body: ""), first("POST http://b/api/v1/take HTTP/1.1"),
            first("POST ftp://a/api/v1/take HTTP/1.1"), first("POST http:///api/v1/take HTTP/1.1"),
        ]
    private static let oddHosts = ["a@b", "a:80x", "a b", "", "a,b", "a/b", "::1", "[::1", "a:123456", "a\u{E4}"].map { host in
        AmbiguousMessage("host \"\(host)\"", line + "Host: \(host)\r\nContent-Length: 0\r\n\r\n" + smuggled)
    }

    private static let lines: [AmbiguousMessage] = [
        first("POST  /api/v1/take HTTP/1.1"), first("POST /api/v1/take  HTTP/1.1"), first("POST\t/api/v1/take HTTP/1.1"), first("POST /api/v1/take HTTP/1.1 "),
        first("POST /api/v1/take"), first("POST /api/v1/take http/1.1"), first("POST /api/v1/take HTTP/11.1"), first("POST /api/v1/take HTTP/1.2", 505),
        first("POST /api/v1/take HTTP/2.0", 505), first("POST /api/v1/take HTTP/1."), first("post /api/v1/take HTTP/1.1"), first("POST api/v1/take HTTP/1.1"),
        first("POST a:80 HTTP/1.1"), first("POST * HTTP/1.1"), first("POST /api/v1/take#x HTTP/1.1"), first("POST /api/v1\\take HTTP/1.1"),
        first("POST /api/v1/t\u{E4}ke HTTP/1.1"), first("POST /api/v1/take\u{0} HTTP/1.1"), first("CONNECT a:80 HTTP/1.1", 405),
        first("BREW /api/v1/take HTTP/1.1", 405),
        AmbiguousMessage("HTTP/0.9", "GET /api/v1/take\r\n"), AmbiguousMessage("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        AmbiguousMessage("empty lines before the request", "\r\n\r\n" + start + "Content-Length: 0\r\n\r\n"),
        AmbiguousMessage("a hello of TLS", bytes: [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + Array(repeating: 0, count: 40)),
    ]

    private static let chunked: [AmbiguousMessage] = [
        chunks("a size with a prefix", "0x1\r\na\r\n0\r\n\r\n"), chunks("a negative size", "-1\r\na\r\n0\r\n\r\n"),
        chunks("a blank before the size", " 1\r\na\r\n0\r\n\r\n"),
        chunks("a blank after the size", "1 \r\na\r\n0\r\n\r\n"), chunks("a size beyond all numbers", "FFFFFFFFFFFFFFFF1\r\na\r\n0\r\n\r\n"),
        chunks("no size", "\r\na\r\n0\r\n\r\n"), chunks("a line feed alone after the size", "1\na\r\n0\r\n\r\n"),
        chunks("a carriage return alone", "1\rXa\r\n0\r\n\r\n"),
        chunks("data that is longer than it says", "1\r\nab\r\n0\r\n\r\n"), chunks("data that is shorter", "3\r\na\r\n0\r\n\r\n"),
        chunks("a line feed alone after the data", "1\r\na\n0\r\n\r\n"), chunks("a line feed alone in an extension", "1;a\nb\r\na\r\n0\r\n\r\n"),
        chunks("an endless extension", "1;" + String(repeating: "a", count: 5000) + "\r\na\r\n0\r\n\r\n"),
        chunks("a line feed alone in a trailer", "0\r\nX: a\n\r\n"), chunks("a trailer that is none", "0\r\nX\r\n\r\n"),
        chunks("a folded trailer", "0\r\n X: a\r\n\r\n"),
        chunks("endless trailers", "0\r\n" + String(repeating: "X: aaaaaaaaaaaaaaaa\r\n", count: 400) + "\r\n"),
        chunks("NUL in a trailer", "0\r\nX: \u{0}\r\n\r\n"),
    ]

    private static let sizes: [AmbiguousMessage] = [
        first("POST /api/v1/take?" + String(repeating: "a", count: 17_000) + " HTTP/1.1", 414),
        fields("a header that is too long", "X: " + String(repeating: "a", count: 17_000)).with(431),
        fields("too many headers", (1...101).map { "X-\($0): a" }.joined(separator: "\r\n")).with(431),
        fields("headers that are too long together", (1...60).map { "X-\($0): " + String(repeating: "a", count: 1000) }.joined(separator: "\r\n")).with(431),
    ]

    private func with(_ status: Int) -> AmbiguousMessage { AmbiguousMessage(name, bytes: bytes, status) }
}
