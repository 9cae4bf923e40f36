import HTTPTypes
import Security
import Web
import Wire

/// A request of the token or the revocation endpoint: a form (RFC 6749, 4) or, for the convenience of those who have JSON at hand, an object of the same members.
struct TokenRequest: Sendable {
    /// How a client says who it is.
    struct Client: Sendable {
        let id: String
        let secret: String
    }

    private let parameters: [String: String]
    /// Nil where it says nothing of itself.
    let client: Client?

    /// - Throws: ``TokenError`` `invalid_request`, or `invalid_client` for a header that is none.
    init(_ request: WebRequest) throws(TokenError) {
        guard request.query.isEmpty else { throw .invalidRequest("parameters belong into the body, where no log shows them") }
        parameters = try TokenRequest.parameters(request)
        client = try TokenRequest.client(request.headers, parameters)
    }

    subscript(name: String) -> String? { parameters[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// - Throws: ``TokenError`` `invalid_request`.
    func required(_ name: String) throws(TokenError) -> String {
        guard let value = self[name] else { throw .invalidRequest("\(name) is missing") }
        return value
    }

    /// `true` or `false`; false where nothing is said.
    /// - Throws: ``TokenError`` `invalid_request`.
    func truth(_ name: String) throws(TokenError) -> Bool {
        switch self[name] {
        case nil, "false": return false
        case "true": return true
        default: throw .invalidRequest("\(name) must be true or false")
        }
    }

    private static func parameters(_ request: WebRequest) throws(TokenError) -> [String: String] {
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" }.lowercased()
        switch type.filter({ $0 != " " }) {
        case "application/x-www-form-urlencoded":
            guard let parameters = FormBody.parse(request.body) else { throw .invalidRequest("the body is no form, or has a parameter twice") }
            return parameters
        case "application/json":
            guard let object = try? JSONParser.parse(request.body).object, object.members.count <= 20 else {
                throw .invalidRequest("the body is no JSON object")
            }
            var parameters: [String: String] = [:]
            for member in object.members {
                guard let text = member.value.string else { throw .invalidRequest("\"\(member.key.prefix(40))\" must be a text") }
                parameters[member.key] = text
            }
            return parameters
        default: throw .invalidRequest("the body must be application/x-www-form-urlencoded or application/json")
        }
    }

    /// By the header (RFC 6749, 2.3.1) or by the body, never by both.
    private static func client(_ headers: HTTPFields, _ parameters: [String: String]) throws(TokenError) -> Client? {
        let values = headers[values: .authorization]
        let inBody = parameters["client_id"]
        guard let value = values.first else {
            // A client without a secret only says its name; nothing hangs on it.
            guard let id = inBody, let secret = parameters["client_secret"] else { return nil }
            return Client(id: id, secret: secret)
        }
        guard values.count == 1, parameters["client_secret"] == nil else { throw .invalidRequest("the client says more than once who it is") }
        guard let client = basic(value) else { throw .invalidClient }
        guard inBody == nil || inBody == client.id else { throw .invalidRequest("client_id is not that of the Authorization header") }
        return client
    }

    private static func basic(_ value: String) -> Client? {
        let parts = value.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "basic", value.utf8.count <= 2048 else { return nil }
        var text = String(parts[1]).replacing("+", with: "-").replacing("/", with: "_")
        while text.hasSuffix("=") { text.removeLast() }
        guard let bytes = Base64URL.decode(text), let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let id = FormBody.decode(bytes[..<colon]), let secret = FormBody.decode(bytes[(colon + 1)...])
        else { return nil }
        return Client(id: id, secret: secret)
    }
}
