import HTTPTypes
import Metrics
import NIOCore
import Web

/// Why a message is not taken as a request. Whatever it is, the connection ends with it: nobody can say where the next message would begin (RFC 9112, 6.3 and 11.2).
enum MessageFault: String, Error, Equatable, CaseIterable {
    case requestLine = "request-line"
    case lineEnd = "line-end"
    case version
    case method
    case target
    case targetTooLong = "target-too-long"
    case header
    case headersTooLarge = "headers-too-large"
    case host
    case framing
    case expectation
    case chunk
    case tooSlow = "too-slow"

    /// The kind of answer it gets.
    var status: HTTPResponse.Status {
        switch self {
        case .requestLine, .lineEnd, .target, .header, .host, .framing, .chunk: .badRequest
        case .version: .httpVersionNotSupported
        case .method: .methodNotAllowed
        case .targetTooLong: .uriTooLong
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .expectation: .expectationFailed
        case .tooSlow: .requestTimeout
        }
    }

    /// What the sender is told. Nothing of what he sent is repeated.
    var detail: String {
        switch self {
        case .requestLine: "The request line is not \"METHOD /path HTTP/1.1\"."
        case .lineEnd: "Lines end with CR LF; one of the two stands alone."
        case .version: "This is served by HTTP/1.1, and by HTTP/2 where TLS is on."
        case .method: "The methods here are \(MessageFault.methods)."
        case .target: "The request's target is neither a path nor a URL of this host, or has characters that must be percent-encoded."
        case .targetTooLong: "The request line has more than \(RequestHead.longestLine) bytes."
        case .header: "A header line is not \"Name: value\", or has control characters."
        case .headersTooLarge: "There may be \(RequestHead.mostFields) header lines of \(RequestHead.longestLine) bytes, \(RequestHead.longest) bytes together."
        case .host: "A request has exactly one Host header: a name or an address, and possibly a port."
        case .framing: "The length of the body is not given in exactly one way: one Content-Length of digits, or \"Transfer-Encoding: chunked\"."
        case .expectation: "The only expectation that is met here is 100-continue."
        case .chunk: "The chunks of the body are malformed."
        case .tooSlow: "The request did not come in time."
        }
    }

    static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"

    /// The whole answer, as it goes out.
    /// - Parameter sender: what could be seen of who gets it.
    func answer(_ finish: AnswerFinish, to sender: HeadGlance) -> ByteBuffer {
        var headers: HTTPFields = [.connection: "close"]
        if self == .method { headers[.allow] = MessageFault.methods }
        let problem = Problem(status, self == .tooSlow ? "request-timeout" : "malformed-request", detail, headers: headers)
        return finish.refusalBytes(problem, origin: sender.origin, isHead: sender.isHead)
    }

    /// Counts it.
    func record() { Counter(label: "waybill_malformed_requests", dimensions: [("reason", rawValue)]).increment() }
}
