import HTTPTypes
import Identity
import Security
import Storage
import Testing
import Web
import Wire

/// Identity on a database in memory and a clock that stands still.
struct IdentityBench: Sendable {
    let fixture: ServiceFixture
    let service: IdentityService

    init() async throws {
        fixture = try ServiceFixture("identity")
        service = IdentityService(fixture.environment, trust: InternalTrust(secret: "between the processes"))
        try await service.open()
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let json: JSONObject
        subscript(key: String) -> String? { json[key]?.string }
        /// `not-found` of a problem's type, or the code of OAuth's errors.
        var problem: String? { self["error"] ?? self["type"]?.split(separator: "/").last.map(String.init) }
    }

    /// A request to one of the service's routes; those at the root are looked for as well.
    func send(
        _ method: String, _ route: String, _ body: String? = nil, type: String = "application/json", parameters: [String: String] = [:],
        headers more: [(HTTPField.Name, String)] = [], as principal: Principal = Principal(subject: "root", roles: [.admin])
    ) async throws -> Answer {
        let routes = service.routes + service.rootRoutes + service.internalRoutes
        let operation = try #require(routes.first { $0.method.rawValue == method && $0.path == route })
        var headers: HTTPFields = body == nil ? [:] : [.contentType: type]
        for (name, value) in more { headers.append(HTTPField(name: name, value: value)) }
        let request = WebRequest(
            method: operation.method, path: "/api/v1" + route, parameters: parameters, headers: headers, body: Array((body ?? "").utf8),
            id: Identifier(high: 1, low: 2), principal: principal)
        let response: WebResponse
        do { response = try await operation.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        guard case .bytes(let bytes) = response.body else { throw JSONMismatch(key: "", expected: "bytes") }
        let json = bytes.isEmpty ? JSONObject(members: []) : try #require(try JSONParser.parse(bytes).object)
        return Answer(status: response.status.code, headers: response.headers, json: json)
    }

    /// A request to the token endpoint, as a form.
    func token(_ form: String, headers: [(HTTPField.Name, String)] = []) async throws -> Answer {
        try await send("POST", "/auth/token", form, type: "application/x-www-form-urlencoded", headers: headers)
    }

    /// Registers a program and returns its secret.
    func client(_ id: String, roles: String = #"["service"]"#, scopes: String? = nil) async throws -> String {
        let body = #"{"clientId":"\#(id)","roles":\#(roles)\#(scopes.map { ",\"scopes\":\($0)" } ?? "")}"#
        let answer = try await send("POST", "/identity/clients", body)
        #expect(answer.status == 201)
        return try #require(answer["clientSecret"])
    }

    func user(_ name: String, password: String = "correct horse", more: String = "") async throws {
        let answer = try await send("POST", "/identity/users", #"{"name":"\#(name)","password":"\#(password)","roles":["customer"]\#(more)}"#)
        #expect(answer.status == 201, "\(answer.json)")
    }

    /// A new API key: the text, and its id.
    func key(_ more: String = "") async throws -> (text: String, id: String) {
        let answer = try await send("POST", "/identity/api-keys", #"{"name":"importer","subject":"shop","roles":["service"]\#(more)}"#)
        #expect(answer.status == 201, "\(answer.json)")
        return (try #require(answer["key"]), try #require(answer["id"]))
    }

    /// What a token says, verified with the keys that are published, as a stranger would.
    func verified(_ token: String?) async throws -> TokenClaims {
        let document = try await send("GET", "/.well-known/jwks.json")
        var json = JSONWriter()
        json.value(.object(document.json))
        let now = fixture.clock.now()
        let verifier = TokenVerifier(keys: try KeySet(jwks: json.bytes), issuers: ["http://waybill.local/identity"], audience: "waybill", now: { now })
        return try await verifier.verify(try #require(token))
    }

    func actions() async throws -> [String] {
        try await send("GET", "/identity/actions").json.objects("items").compactMap { $0["action"]?.string }
    }
}
