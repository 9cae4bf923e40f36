import HTTPTypes
import Wire

/// An answer.
public struct WebResponse: Sendable {
    /// What follows the header.
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Pieces that are sent as they come, for as long as the client listens.
        case stream(AsyncStream<[UInt8]>)
    }

    public var status: HTTPResponse.Status
    public var headers: HTTPFields
    public var body: Body

    public init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: Body) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    /// A JSON object that the closure writes.
    public static func json(_ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], capacity: Int = 512, _ write: (inout JSONWriter) -> Void)
        -> WebResponse
    {
        json(status, headers: headers, bytes: JSONWriter.object(capacity: capacity, write))
    }

    /// JSON that is written already.
    public static func json(_ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], bytes: [UInt8]) -> WebResponse {
        var headers = headers
        headers[.contentType] = "application/json"
        return WebResponse(status: status, headers: headers, body: .bytes(bytes))
    }

    /// What the client has is what there is (RFC 9110, 15.4.5).
    public static func notModified(_ headers: HTTPFields) -> WebResponse { WebResponse(status: .notModified, headers: headers, body: .bytes([])) }

    /// Plain text.
    public static func text(_ text: String, contentType: String = "text/plain; charset=utf-8") -> WebResponse {
        WebResponse(status: .ok, headers: [.contentType: contentType], body: .bytes(Array(text.utf8)))
    }

    /// Server-sent events (WHATWG HTML, 9.2).
    public static func events(_ stream: AsyncStream<[UInt8]>) -> WebResponse {
        WebResponse(status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: .stream(stream))
    }
}

/// One server-sent event on the wire.
public func serverSentEvent(id: String? = nil, event: String, data: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(data.count + 96)
    if let id { bytes.append(contentsOf: "id: \(id)\n".utf8) }
    bytes.append(contentsOf: "event: \(event)\ndata: ".utf8)
    bytes.append(contentsOf: data)
    bytes.append(contentsOf: "\n\n".utf8)
    return bytes
}

/// An operation that a service offers.
public struct Route: Sendable {
    public let method: HTTPRequest.Method
    /// The path below `/api/v1`, with parameters in braces: `/orders/{id}`.
    public let path: String
    /// What it is to those who use it; nil for what is not told.
    public let operation: APIOperation?
    /// Who may use it.
    public let access: Access
    /// Whether an accepted request sets work in motion that goes on after the answer. When there is more of that than can be done, such requests are
    /// refused first, so that what was accepted is finished.
    public let startsWork: Bool
    /// How the answer comes.
    public let answer: Answer
    /// Whether the handler passes the request on to another process: then it is told who sent it.
    public let isForwarded: Bool
    public let handle: @Sendable (WebRequest) async throws -> WebResponse

    /// How long the answer to a request may take to come.
    public enum Answer: Sendable {
        /// It is there within seconds, as a whole.
        case prompt
        /// It may take minutes: an administrator's work over all data.
        case slow
        /// It begins at once and goes on for as long as the client listens.
        case stream
    }

    /// - Parameter operation: what it is to those who use it; requests are held to the query parameters that it declares.
    public init(
        _ method: HTTPRequest.Method, _ path: String, _ operation: APIOperation? = nil, access: Access, startsWork: Bool = false, answer: Answer = .prompt,
        isForwarded: Bool = false, _ handle: @escaping @Sendable (WebRequest) async throws -> WebResponse
    ) {
        (self.method, self.path, self.operation, self.access) = (method, path, operation, access)
        (self.startsWork, self.answer, self.isForwarded) = (startsWork, answer, isForwarded)
        guard let operation else {
            self.handle = handle
            return
        }
        self.handle = { request in
            try operation.check(request)
            return try await handle(request)
        }
    }

    private init(_ route: Route, isForwarded: Bool, _ handle: @escaping @Sendable (WebRequest) async throws -> WebResponse) {
        (method, path, operation, access) = (route.method, route.path, route.operation, route.access)
        (startsWork, answer, self.isForwarded, self.handle) = (route.startsWork, route.answer, isForwarded, handle)
    }

    /// The same operation, handled in another way.
    public func handled(_ handle: @escaping @Sendable (WebRequest) async throws -> WebResponse) -> Route {
        Route(self, isForwarded: isForwarded, handle)
    }

    /// The same operation, done by another process, which checks what it is asked: it may be of another release.
    public func forwarded(_ handle: @escaping @Sendable (WebRequest) async throws -> WebResponse) -> Route { Route(self, isForwarded: true, handle) }
}
