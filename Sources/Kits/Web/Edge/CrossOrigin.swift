import HTTPTypes

/// Which pages of other origins may read the answers (Fetch Standard, 3.2). Tokens travel in a header that scripts set, never in cookies; so no page is let in with
/// credentials of the browser's own.
public struct CrossOrigin: Sendable, Equatable {
    /// Pages of no other origin.
    public static let none = CrossOrigin(origins: [], isOpen: false)

    /// Those that are named; empty where there are none, or all may.
    public let origins: Set<String>
    private let isOpen: Bool

    private init(origins: Set<String>, isOpen: Bool) { (self.origins, self.isOpen) = (origins, isOpen) }

    /// - Parameter origins: `https://shop.example`, `http://localhost:3000`; or `*` alone for everybody's.
    /// - Throws: ``NoOrigin`` with the first text that is none.
    public init(_ origins: [String]) throws(NoOrigin) {
        if origins == ["*"] {
            self.init(origins: [], isOpen: true)
            return
        }
        for origin in origins where !CrossOrigin.isOrigin(origin) { throw NoOrigin(text: origin) }
        self.init(origins: Set(origins), isOpen: false)
    }

    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
        let host = text.utf8.dropFirst(scheme.utf8.count)
        return !host.isEmpty && host.count < 256
            && host.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || "-.:[]_".utf8.contains($0) }
    }

    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
    private static let allowed =
        "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Match, Last-Event-ID, X-API-Key, Waybill-Deadline, Waybill-Min-Version, traceparent"
    private static let exposed =
        "Location, ETag, Retry-After, X-Request-Id, Idempotency-Replayed, RateLimit, RateLimit-Policy, Waybill-Version, WWW-Authenticate, Link"

    /// The answer to the question that a browser asks before it lets a page send a request; nil for what is no such question. It is answered without credentials, which
    /// browsers do not send with it.
    public func preflight(_ request: HTTPRequest) -> WebResponse? {
        guard request.method == .options, let origin = request.headerFields[.origin], request.headerFields[.accessControlRequestMethod] != nil else {
            return nil
        }
        guard allows(origin) else {
            var refusal = Problem(.forbidden, "origin-not-allowed", "Pages of this origin may not use this API.").response(instance: nil)
            refusal.headers[.vary] = "Origin"
            return refusal
        }
        var headers: HTTPFields = [.accessControlAllowMethods: CrossOrigin.methods, .accessControlAllowHeaders: CrossOrigin.allowed]
        headers[.accessControlMaxAge] = "600"
        var answer = WebResponse(status: .noContent, headers: headers, body: .bytes([]))
        mark(&answer.headers, origin: origin)
        return answer
    }

    /// Says to a browser whether the page that asked may read the answer.
    /// - Parameter origin: what the request says of the page's origin; nil where it says nothing.
    public func mark(_ headers: inout HTTPFields, origin: String?) {
        if isOpen {
            headers[.accessControlAllowOrigin] = "*"
        } else {
            guard !origins.isEmpty else { return }
            // Caches must not show one origin what was answered to another, whoever asks first.
            if !headers[values: .vary].contains("Origin") { headers.append(HTTPField(name: .vary, value: "Origin")) }
            guard let origin, allows(origin) else { return }
            headers[.accessControlAllowOrigin] = origin
        }
        headers[.accessControlExposeHeaders] = CrossOrigin.exposed
        headers[.crossOriginResourcePolicy] = "cross-origin"
    }

    private func allows(_ origin: String) -> Bool { isOpen || origins.contains(origin) }
}

/// A text that is no origin.
public struct NoOrigin: Error, Equatable {
    public let text: String
}
