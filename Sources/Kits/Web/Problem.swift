import HTTPTypes
import Wire

/// A refusal as clients see it: problem details of RFC 9457.
public struct Problem: Error, Sendable {
    /// What is wrong with one member of the body.
    public struct Violation: Sendable, Equatable {
        /// Where: a JSON pointer (RFC 6901) into the body.
        public let pointer: String
        /// What: a phrase that completes "this member ...".
        public let detail: String
        public init(pointer: String, detail: String) { (self.pointer, self.detail) = (pointer, detail) }
    }

    public let status: HTTPResponse.Status
    /// The kind of refusal, the last part of the `type` URI; stable, for programs.
    public let type: String
    /// What happened, for people.
    public let detail: String
    public var violations: [Violation]
    public var headers: HTTPFields
    /// Further members, written as they are.
    public var extensions: @Sendable (inout JSONWriter) -> Void

    public init(
        _ status: HTTPResponse.Status, _ type: String, _ detail: String, violations: [Violation] = [], headers: HTTPFields = [:],
        extensions: @escaping @Sendable (inout JSONWriter) -> Void = { _ in }
    ) {
        (self.status, self.type, self.detail, self.violations, self.headers, self.extensions) = (status, type, detail, violations, headers, extensions)
    }

    /// Something that does not exist, or that the caller may not know of.
    public static func notFound(_ thing: String) -> Problem { Problem(.notFound, "not-found", "There is no such \(thing).") }
    /// A body that is JSON, but not what the operation needs.
    public static func invalid(_ violations: [Violation]) -> Problem {
        Problem(
            .unprocessableContent, "invalid-body", "The body has \(violations.count == 1 ? "a mistake" : "\(violations.count) mistakes"); see \"errors\".",
            violations: violations)
    }
    /// A query parameter that is not what the operation needs.
    public static func badParameter(_ name: String, _ detail: String) -> Problem {
        Problem(.badRequest, "bad-parameter", "The query parameter \"\(name)\" \(detail).")
    }
    /// More work than can be taken now; nothing was done.
    public static func unavailable(_ detail: String, retryAfterSeconds: Int = 1) -> Problem {
        Problem(.serviceUnavailable, "unavailable", detail, headers: [.retryAfter: String(retryAfterSeconds)])
    }

    /// The answer that tells it.
    /// - Parameter instance: the request's identity, by which the logs know it.
    public func response(instance: Identifier?) -> WebResponse {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        let bytes = JSONWriter.object { json in
            json.member("type", "https://waybill.dev/problems/\(type)")
            json.member("title", title)
            json.member("status", status.code)
            json.member("detail", detail)
            if let instance { json.member("instance", "urn:uuid:\(instance)") }
            if !violations.isEmpty {
                json.key("errors")
                json.array(violations) { json, violation in
                    json.object { json in
                        json.member("pointer", violation.pointer)
                        json.member("detail", violation.detail)
                    }
                }
            }
            extensions(&json)
        }
        return WebResponse(status: status, headers: headers, body: .bytes(bytes))
    }

    /// The type in words: `order-not-cancellable` becomes `Order not cancellable`.
    private var title: String {
        let words = type.split(separator: "-").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }
}
