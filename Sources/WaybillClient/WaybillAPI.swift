import Wire

/// Waybill's HTTP API, thinly typed: paths, problems and repetitions are known here, everything else stays JSON.
public struct WaybillAPI: Sendable {
    /// What every route of the API begins with.
    public static let root = "/api/v1"
    /// Sends the requests; commands that count microseconds use it directly.
    public let http: HTTPClient

    /// An API over a client, which is not shut down here.
    public init(_ http: HTTPClient) { self.http = http }

    /// `GET` of a path below the root, as an object.
    /// - Throws: ``APIError``, ``ClientError``, ``UnexpectedAnswer``.
    public func get(_ path: String, _ query: [(String, String?)] = [], retry: RetryPolicy = .once) async throws -> JSONObject {
        try await object(ClientRequest(path: WaybillAPI.path(path, query)), retry: retry)
    }

    /// A request with a JSON body, or none, below the root; the answer as an object.
    ///
    /// - Parameters:
    ///   - key: the Idempotency-Key, without which a POST must not be repeated.
    ///   - retry: only honoured for requests that may be repeated.
    public func send(_ method: String, _ path: String, body: [UInt8] = [], key: String? = nil, retry: RetryPolicy = .once) async throws -> JSONObject {
        try await object(WaybillAPI.request(method, path, body: body, key: key), retry: retry)
    }

    /// A request to the API, ready to be sent.
    public static func request(_ method: String, _ path: String, body: [UInt8] = [], key: String? = nil) -> ClientRequest {
        var headers: [(String, String)] = []
        if !body.isEmpty { headers.append(("content-type", "application/json")) }
        if let key { headers.append(("idempotency-key", key)) }
        return ClientRequest(method: method, path: root + path, headers: headers, body: body)
    }

    /// Sends a request until it is answered with a status below 400, or finally refused.
    public func answer(_ request: ClientRequest, retry: RetryPolicy = .once) async throws -> ClientResponse {
        var attempts = RetryPolicy.Attempts(request.mayBeRepeated ? retry : .once)
        var random = SystemRandomNumberGenerator()
        while true {
            let failure: any Error
            var minimum: Duration?
            do {
                let response = try await http.send(request)
                if response.status < 400 { return response }
                let error = APIError(response)
                guard error.isTransient else { throw error }
                (failure, minimum) = (error, error.retryAfter)
            } catch let error as ClientError where error.isTransient {
                failure = error
            }
            guard let pause = attempts.pause(atLeast: minimum, using: &random) else { throw failure }
            retry.onRetry(failure)
            try await Task.sleep(for: pause)
        }
    }

    func object(_ request: ClientRequest, retry: RetryPolicy) async throws -> JSONObject {
        let response = try await answer(request, retry: retry)
        do {
            guard let object = try JSONParser.parse(response.body).object else { throw JSONMismatch(key: "", expected: "an object") }
            return object
        } catch {
            throw UnexpectedAnswer(path: request.path, reason: "\(error)")
        }
    }

    /// Reads an answer into a type; what does not fit is told with the path it came from.
    func decode<T>(_ path: String, _ read: () throws -> T) throws -> T {
        do { return try read() } catch let error as JSONMismatch { throw UnexpectedAnswer(path: path, reason: "\(error)") }
    }

    /// A path below the root with its query; parameters without a value are left out.
    public static func path(_ path: String, _ query: [(String, String?)]) -> String {
        let parts = query.compactMap { name, value in value.map { "\(name)=\(percentEncoded($0))" } }
        return root + path + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }

    /// Everything but RFC 3986's unreserved characters and the comma as `%XX`.
    static func percentEncoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 44, 45, 46, 95, 126: result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
