import NIOHTTP1

/// One request, relative to the client's base URL.
public struct ClientRequest: Sendable {
    /// An HTTP method in capitals, such as `POST`.
    public var method: String
    /// Path and query, already percent-encoded, beginning with `/`.
    public var path: String
    /// Header fields in the order in which they are sent. `Host` and `Content-Length` are added by the client.
    public var headers: [(String, String)]
    /// The content; empty for none.
    public var body: [UInt8]

    /// Makes a request; it is checked when it is sent.
    public init(method: String = "GET", path: String, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// Whether carrying the request out twice does what once does: idempotent methods (RFC 9110, 9.2.2), and any method with an
    /// `Idempotency-Key`, by which the server recognises the repetition.
    var mayBeRepeated: Bool {
        switch method {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: headers.contains { $0.0.lowercased() == "idempotency-key" }
        }
    }

    /// The request line and header fields as NIO wants them.
    ///
    /// - Throws: ``ClientError/invalidRequest(_:)`` if a part would change the meaning of the bytes after it (request smuggling).
    func head(for base: BaseURL) throws(ClientError) -> HTTPRequestHead {
        guard !method.isEmpty, method.utf8.allSatisfy(\.isTokenCharacter) else { throw .invalidRequest("\"\(method)\" is no method") }
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalidRequest("the path \"\(path)\" must begin with / and be percent-encoded")
        }
        var fields = HTTPHeaders()
        fields.reserveCapacity(headers.count + 2)
        fields.add(name: "host", value: base.authority)
        for (name, value) in headers {
            try Self.check(name: name, value: value)
            fields.add(name: name, value: value)
        }
        if !body.isEmpty || method == "POST" || method == "PUT" || method == "PATCH" {
            fields.add(name: "content-length", value: String(body.count))
        }
        let uri = base.pathPrefix.isEmpty ? path : base.pathPrefix + path
        return HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: uri, headers: fields)
    }

    private static func check(name: String, value: String) throws(ClientError) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenCharacter) else { throw .invalidRequest("\"\(name)\" is no header name") }
        guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw .invalidRequest("the header \(name) contains a control character")
        }
        switch name.utf8.count {
        case 4, 10, 14, 17:
            guard !["host", "connection", "content-length", "transfer-encoding"].contains(name.lowercased()) else {
                throw .invalidRequest("the header \(name) is the client's own affair")
            }
        default: break
        }
    }
}

extension UInt8 {
    /// RFC 9110, 5.6.2: the characters of methods and header names.
    fileprivate var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        case UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"): true
        default: false
        }
    }
}
