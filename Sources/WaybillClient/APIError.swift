import Wire

/// A refusal of the platform: its problem details (RFC 9457), or what can be said of an answer that is none.
public struct APIError: Error, Sendable {
    /// What is wrong with one member of the body that was sent.
    public struct Violation: Sendable, Equatable {
        /// A JSON pointer (RFC 6901) into the body.
        public let pointer: String
        /// What is wrong with it, in words.
        public let detail: String
    }

    /// The status code of the answer (RFC 9110, 15).
    public let status: Int
    /// The last part of the problem's `type`, such as `insufficient-stock`; empty for an answer that is no problem document.
    public let type: String
    /// The kind of problem in words.
    public let title: String
    /// What happened this time, in words; of an answer that is no problem document its beginning.
    public let detail: String
    /// Each mistake in the body that was sent; empty where that was not the problem.
    public let violations: [Violation]
    /// The whole problem document, with its extension members.
    public let document: JSONObject
    /// What the server asks to wait.
    public let retryAfter: Duration?

    init(_ response: ClientResponse) {
        self.init(status: response.status, body: response.body, retryAfterSeconds: response.header("retry-after").flatMap { Int($0) })
    }

    /// Reads an answer's content; one that is no problem document is kept as text.
    public init(status: Int, body: [UInt8], retryAfterSeconds: Int? = nil) {
        self.status = status
        let document = (try? JSONParser.parse(body))?.object
        self.document = document ?? JSONObject(members: [])
        type = document?["type"]?.string.map { String($0.split(separator: "/").last ?? "") } ?? ""
        title = document?["title"]?.string ?? "Status \(status)"
        detail = document?["detail"]?.string ?? String(String(decoding: body, as: UTF8.self).prefix(500))
        violations = (document?["errors"]?.array ?? []).compactMap { error in
            error["detail"]?.string.map { Violation(pointer: error["pointer"]?.string ?? "", detail: $0) }
        }
        retryAfter = retryAfterSeconds.map { .seconds(max(0, $0)) }
    }

    /// Whether the same request may well succeed a moment later.
    public var isTransient: Bool { [429, 502, 503, 504].contains(status) || type == "idempotency-key-in-flight" }
}

extension APIError: CustomStringConvertible {
    /// Title and detail, then a line for each mistake, and the members that say more.
    public var description: String {
        var text = detail.isEmpty ? "\(title) (status \(status))." : "\(title) (status \(status)): \(detail)"
        for violation in violations { text += "\n  \(violation.pointer.isEmpty ? "the body" : violation.pointer) \(violation.detail)" }
        for shortage in document["shortages"]?.array ?? [] {
            let name = shortage["sku"]?.string ?? shortage["productId"]?.string ?? "a product"
            text += "\n  \(name): \(shortage["requested"]?.integer ?? 0) wanted, \(shortage["available"]?.integer ?? 0) available"
        }
        return text
    }
}

/// An answer with a good status whose content is not what the API says: another program, or another version.
public struct UnexpectedAnswer: Error, Sendable, CustomStringConvertible {
    /// What was asked for.
    public let path: String
    /// What does not fit.
    public let reason: String
    public var description: String { "The answer to \(path) is not what Waybill's API says: \(reason). Is this a Waybill server of the same version?" }
}
