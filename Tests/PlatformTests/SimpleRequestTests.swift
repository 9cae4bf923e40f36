import Testing

@testable import Gateway

/// The doorman's eye: what he recognises ends where the parser says it ends, and the rest he leaves to the parser.
@Suite struct SimpleRequestTests {
    private static let line = "POST /api/v1/orders HTTP/1.1\r\n"
    private static let lines = ["POST /api/orders HTTP/1.1\r\n", line].map { Array($0.utf8) }

    private func recognise(_ text: String) -> [Int?]? {
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            SimpleRequest(bytes, lines: SimpleRequestTests.lines).map { [$0.line, $0.headLength, $0.bodyLength] }
        }
    }

    @Test func `plain requests are recognised, whichever they are`() {
        let head = SimpleRequestTests.line + "Host: a\r\nContent-Type: application/json\r\nCONTENT-length: 12\r\n\r\n"
        #expect(recognise(head + "{\"a\": \"b\"}\r\n") == [1, head.utf8.count, 12])
        #expect(recognise(head) == [1, head.utf8.count, 12], "the body may come later")
        #expect(recognise("POST /api/orders HTTP/1.1\r\n\r\n") == [0, 29, 0])
        #expect(recognise("GET /health?x=%20 HTTP/1.1\r\nHost: a\r\n\r\nGET") == [nil, 39, 0])
        #expect(recognise("PUT /api/v1/orders HTTP/1.1\r\n\r\n") == [nil, 31, 0])
    }

    @Test(arguments: [
        "", "POST", SimpleRequestTests.line, SimpleRequestTests.line + "Host: a\r\n", "POST /api/v1/orders HTTP/1.0\r\n\r\n", "CONNECT a:80 HTTP/1.1\r\n\r\n",
        "post /api/v1/orders HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /api/v1/orders HTTP/1.1\n\n",
        "\r\n" + SimpleRequestTests.line + "\r\n",
        "POST /\u{E9} HTTP/1.1\r\n\r\n",
    ])
    func `what has no simple first line, or no end, is the parser's`(text: String) { #expect(recognise(text) == nil) }

    @Test(arguments: [
        "Transfer-Encoding: chunked", "transfer-encoding : chunked", "TRANSFER-ENCODING:chunked", "Connection: close", "Expect: 100-continue", "Upgrade: h2c",
        "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5", "Content-Length: +5", "Content-Length: 0x5", "Content-Length:5", "Content-Length:  5",
        "Content-Length: 5 ", "Content-Length: ", "Content-Length: 12345678", "Content-Length: 5\r\n Transfer-Encoding: chunked", "A\r\n", "A: b\rc", "A: b\nc",
        "A: \u{1}", "A: \u{0}", ": a", "A B: c", "\tA: b", "A: \u{E9}", "A_: b", "Trailer: A",
        "Origin: https://a.example\r\norigin: https://b.example", "Origin:https://a.example", "Origin:",
    ])
    func `what could be read in two ways is the parser's`(header: String) {
        #expect(recognise(SimpleRequestTests.line + "Host: a\r\n" + header + "\r\n\r\n") == nil, "\(header)")
        #expect(recognise(SimpleRequestTests.line + header + "\r\nHost: a\r\n\r\n") == nil, "\(header)")
    }

    @Test func `a head that goes on and on is the parser's to refuse`() {
        #expect(recognise(SimpleRequestTests.line + "A: " + String(repeating: "b", count: 9000) + "\r\n\r\n") == nil)
    }
}
