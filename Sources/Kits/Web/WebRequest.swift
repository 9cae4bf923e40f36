import HTTPTypes
import Wire

/// A request as the services see it: no server library, no connection, the whole body in memory.
public struct WebRequest: Sendable {
    public let method: HTTPRequest.Method
    /// The path without the query, percent-encoded as it came.
    public let path: String
    /// The values of the route's `{names}`, percent-decoded.
    public let parameters: [String: String]
    /// The query's parameters, decoded, in order.
    public let query: [(name: String, value: String)]
    public let headers: HTTPFields
    public let body: [UInt8]
    /// The request's identity, for logs and as the correlation of what it sets in motion.
    public let id: Identifier
    /// Path and query as they came: what is passed on to another process.
    public let target: String
    /// When nobody waits for the answer any more; nil where that is not known.
    public let deadline: ContinuousClock.Instant?
    /// Where it comes from: the nearest address that is none of our proxies (``ClientAddress``); nil where that is not known.
    public let clientAddress: IPAddress?
    /// Who sends it.
    public let principal: Principal
    /// Whether he is a customer who is let in to what is his own only.
    public let isOwnOnly: Bool
    /// The customer to whose things the request is bound; nil for everybody's.
    public var customer: String? { isOwnOnly ? principal.subject : nil }

    /// - Parameter target: nil for the path alone.
    public init(
        method: HTTPRequest.Method, path: String, parameters: [String: String] = [:], query: [(name: String, value: String)] = [], headers: HTTPFields = [:],
        body: [UInt8] = [], id: Identifier, target: String? = nil, deadline: ContinuousClock.Instant? = nil, clientAddress: IPAddress? = nil,
        principal: Principal = .open, isOwnOnly: Bool = false
    ) {
        (self.method, self.path, self.parameters, self.query, self.headers, self.body, self.id) = (method, path, parameters, query, headers, body, id)
        (self.target, self.deadline, self.clientAddress) = (target ?? path, deadline, clientAddress)
        (self.principal, self.isOwnOnly) = (principal, isOwnOnly)
    }

    /// The body as a JSON object.
    /// - Throws: ``Problem``: 415 for another content type, 400 for what is not JSON, 422 for JSON that is no object.
    public func object() throws(Problem) -> JSONObject {
        guard hasJSON else {
            throw Problem(.unsupportedMediaType, "unsupported-media-type", "The body must be JSON, sent with \"Content-Type: application/json\".")
        }
        let value: JSONValue
        do { value = try JSONParser.parse(body) } catch {
            throw Problem(.badRequest, "malformed-json", "The body is not acceptable JSON: \(error).")
        }
        guard let object = value.object else { throw Problem.invalid([.init(pointer: "", detail: "must be an object, not \(value.kind)")]) }
        return object
    }

    /// Whether the body is said to be JSON.
    private var hasJSON: Bool {
        let values = headers[values: .contentType]
        if values == ["application/json"] { return true }
        let type = values.joined(separator: ", ").split(separator: ";").first.map { $0.trimmed.lowercased() } ?? ""
        return type == "application/json" || type.hasSuffix("+json")
    }

    /// The body as a JSON object; an empty object when there is no body.
    public func optionalObject() throws(Problem) -> JSONObject { body.isEmpty ? JSONObject(members: []) : try object() }

    /// The UUID in a path parameter; a text that is none names nothing we have, so it is an unknown one.
    public func identifier(_ name: String, of thing: String) throws(Problem) -> Identifier {
        guard let id = parameters[name].flatMap({ Identifier($0) }) else { throw Problem.notFound(thing) }
        return id
    }

    /// The value of a query parameter, or nil; given twice is a mistake.
    public func parameter(_ name: String) throws(Problem) -> String? {
        let values = query.filter { $0.name == name }
        guard values.count <= 1 else { throw Problem.badParameter(name, "is given more than once") }
        return values.first?.value
    }

    /// An integer parameter within bounds, or the default.
    public func integer(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(Problem) -> Int {
        guard let text = try parameter(name) else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Problem.badParameter(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A moment in a parameter: RFC 3339, or a day, which means its beginning in UTC.
    public func timestamp(_ name: String) throws(Problem) -> Timestamp? {
        guard let text = try parameter(name) else { return nil }
        guard let time = Timestamp(text) ?? Timestamp(text + "T00:00:00Z") else {
            throw Problem.badParameter(name, "must be an RFC 3339 time (2026-11-21T13:00:00Z) or a day (2026-11-21)")
        }
        return time
    }
}

extension StringProtocol {
    var trimmed: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
