import NIOHTTP1

/// A complete response.
public struct ClientResponse: Sendable {
    /// The status code, 200...999; interim responses (1xx) are not reported.
    public let status: Int
    /// The content without its transfer coding; at most as large as the client allows.
    public let body: [UInt8]
    /// Kept as NIO parsed them, because most callers never look.
    private let fields: HTTPHeaders

    init(head: HTTPResponseHead, body: [UInt8]) {
        self.status = Int(head.status.code)
        self.fields = head.headers
        self.body = body
    }

    /// All header fields in the order received.
    public var headers: [(String, String)] { fields.map { ($0.name, $0.value) } }

    /// The first value of a header field, its name in any letter case; nil if it is absent.
    public func header(_ name: String) -> String? { fields.first(name: name) }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }
}
