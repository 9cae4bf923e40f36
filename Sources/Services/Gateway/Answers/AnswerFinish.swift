import HTTPTypes
import NIOCore
import Web

/// What every answer gets on its way out, whoever made it: what browsers may do with it, who may read it, and whether it is compressed.
struct AnswerFinish: Sendable {
    private let crossOrigin: CrossOrigin
    private let compresses: Bool
    private let isEncrypted: Bool

    init(_ edge: EdgeConfiguration) { (crossOrigin, compresses, isEncrypted) = (edge.crossOrigin, edge.compresses, edge.tls != nil) }

    /// The answer to a browser's question; nil for any other request.
    func preflight(_ request: HTTPRequest) -> WebResponse? { crossOrigin.preflight(request) }

    /// - Parameter isPublic: whether everybody is shown the same, so that caches may go by what the handler says.
    func finish(_ answer: inout WebResponse, _ request: HTTPRequest, isPublic: Bool) {
        crossOrigin.mark(&answer.headers, origin: request.headerFields[.origin])
        if !isPublic || request.headerFields[.authorization] != nil, answer.headers[.cacheControl] == nil {
            answer.headers.append(HTTPField(name: .cacheControl, value: "no-store"))
        }
        secure(&answer.headers)
        // An answer that repeats what a client sends, and has a secret in it, tells the secret by its compressed length (BREACH). Tokens and keys are answers to
        // POST, and are never compressed.
        if compresses, request.method == .get || request.method == .head { answer.compress(for: request.headerFields) }
    }

    /// A refusal that is made before any route is looked for.
    /// - Parameter origin: of the page that sent the request, so that its script may read why (Fetch Standard, 4.10); nil where no page did.
    func refusal(_ problem: Problem, origin: String?) -> WebResponse {
        var answer = problem.response(instance: nil)
        crossOrigin.mark(&answer.headers, origin: origin)
        answer.headers[.cacheControl] = "no-store"
        secure(&answer.headers)
        return answer
    }

    /// The same as it goes out in HTTP/1.1.
    /// - Parameter isHead: whether its content is left out.
    func refusalBytes(_ problem: Problem, origin: String?, isHead: Bool = false) -> ByteBuffer {
        let answer = refusal(problem, origin: origin)
        guard case .bytes(let body) = answer.body else { return ByteBuffer() }
        var text = "HTTP/1.1 \(answer.status.code) \(answer.status.reasonPhrase)\r\n"
        for field in answer.headers { text += "\(field.name.rawName): \(field.value)\r\n" }
        text += "Content-Length: \(body.count)\r\n\r\n"
        return ByteBuffer(bytes: isHead ? Array(text.utf8) : Array(text.utf8) + body)
    }

    /// The origins that are named in the configuration; each of them has refusals of its own.
    var origins: Set<String> { crossOrigin.origins }
    /// Whether an answer depends on the page that the request comes from.
    var asksForOrigin: Bool { !crossOrigin.origins.isEmpty }

    private func secure(_ headers: inout HTTPFields) {
        AnswerFinish.secure(&headers)
        if isEncrypted { headers[.strictTransportSecurity] = "max-age=31536000" }
    }

    /// What holds for answers that browsers should do nothing with but show them to who asked, unless their handler says otherwise.
    static func secure(_ headers: inout HTTPFields) {
        let isPage = headers[.contentType]?.hasPrefix("text/html") ?? false
        add(.xContentTypeOptions, "nosniff", &headers)
        add(.contentSecurityPolicy, isPage ? pagePolicy : "default-src 'none'; frame-ancestors 'none'", &headers)
        add(.referrerPolicy, "no-referrer", &headers)
        add(.crossOriginResourcePolicy, "same-origin", &headers)
    }

    /// A page gets all it needs from here, and is shown in no other page.
    private static let pagePolicy =
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

    private static func add(_ name: HTTPField.Name, _ value: String, _ headers: inout HTTPFields) {
        if !headers.contains(name) { headers.append(HTTPField(name: name, value: value)) }
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy") ?? .vary
}
