import HTTPTypes
import Web

/// Which header fields go through a gateway, and what becomes of the others.
///
/// Lists of names, in lower case, are all there is to it: a new kind of identity needs one word here.
enum ForwardedHeaders {
    /// Fields about one connection (RFC 9110, 7.6.1; RFC 9113, 8.2.2), and those that the next connection gets anew. Fields that `Connection` names are like these.
    static let ofTheConnection: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
        "http2-settings", "host", "content-length", "expect",
    ]

    /// What only the platform's own processes may say about a request. A client who sends them is not heard; what is true is put in their place.
    static let identity: Set<String> = [
        "waybill-internal", "waybill-identity", "waybill-subject", "waybill-roles", "waybill-deadline", "x-request-id", "x-forwarded-for", "x-forwarded-host",
        "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto", "x-real-ip", "forwarded", "via",
    ]

    /// What shows who a client is.
    static let credentials: Set<String> = ["authorization", "x-api-key", "cookie"]

    /// What the answering process says about itself, which the gateway says anew.
    static let ofTheAnswer: Set<String> = ["date", "server", "x-request-id"]

    /// The name under which the gateway is on record in `Via`.
    static let pseudonym = "waybill"

    /// The fields of a request as they go on: those from end to end, and what the gateway knows.
    static func request(_ request: WebRequest) -> [(String, String)] {
        // Whoever is known needs no credentials any more, and no other process is to see them.
        var fields = passed(request.headers, without: request.principal.kind == .open ? identity : identity.union(credentials))
        fields.append((HTTPName.requestID, request.id.description))
        fields.append((HTTPName.via, "1.1 \(pseudonym)"))
        // What the gateway has found out (``ClientAddress``), and nothing of what the client or a proxy has written.
        if let address = request.clientAddress { fields.append((HTTPName.forwardedFor, address.description)) }
        return fields
    }

    /// Whether a request has been through a gateway of this platform already: then two processes take each other for the service.
    static func isLooping(_ request: WebRequest) -> Bool {
        (request.headers[.via] ?? "").split(separator: ",").contains { $0.split(separator: " ").last.map(String.init) == pseudonym }
    }

    /// The fields of an answer as they go back.
    static func response(_ fields: [(String, String)]) -> HTTPFields {
        var all = HTTPFields()
        for (name, value) in fields { if let name = HTTPField.Name(name) { all.append(HTTPField(name: name, value: value)) } }
        var passed = HTTPFields()
        for field in all where isPassed(field.name, without: ofTheAnswer, and: named(all)) { passed.append(field) }
        return passed
    }

    private static func passed(_ fields: HTTPFields, without list: Set<String>) -> [(String, String)] {
        let named = named(fields)
        return fields.filter { isPassed($0.name, without: list, and: named) }.map { ($0.name.rawName, $0.value) }
    }

    private static func isPassed(_ name: HTTPField.Name, without list: Set<String>, and named: Set<String>) -> Bool {
        let name = name.canonicalName
        return !ofTheConnection.contains(name) && !list.contains(name) && !named.contains(name)
    }

    /// The fields that `Connection` names.
    private static func named(_ fields: HTTPFields) -> Set<String> {
        guard let connection = fields[.connection] else { return [] }
        return Set(connection.split(separator: ",").map { $0.lowercased().filter { !$0.isWhitespace } })
    }
}

/// Names of header fields as WaybillClient wants them.
enum HTTPName {
    static let requestID = HTTPField.Name.requestID.rawName
    static let deadline = HTTPField.Name.deadline.rawName
    static let secret = HTTPField.Name.internalSecret.rawName
    static let identity = HTTPField.Name.internalIdentity.rawName
    static let forwardedFor = HTTPField.Name.forwardedFor.rawName
    static let traceparent = HTTPField.Name.traceParent.rawName
    static let via = "Via"
}
