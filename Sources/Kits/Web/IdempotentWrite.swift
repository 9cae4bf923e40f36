import HTTPTypes
import Messaging
import Storage
import Synchronization
import Wire

/// Honours the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): the answer is stored in the transaction that does the work, so it exists
/// exactly when the work does (RELIABILITY, trap 9).
///
/// A key belongs to a method, a path and who sends the request, so that nobody gets another's answer by guessing his key. It is remembered for ``keyAgeMilliseconds``; older ones count as unused, whether or not they have been pruned. A
/// refusal leaves the key free: nothing was done, so the same request may succeed later.
public final class IdempotentWrite: Sendable {
    /// How long a key is remembered: 24 hours.
    public static let keyAgeMilliseconds = Janitor.idempotencyAge
    /// How often a request is tried whose key another process has taken meanwhile.
    private static let attempts = 3

    /// Another process has stored an answer under this key since it was looked for: what was done here is rolled back.
    private struct KeyTaken: Error {}

    private let database: any Database
    private let context: ServiceContext
    private let inFlight = Mutex<Set<String>>([])

    private static let select = SQL(
        "SELECT fingerprint, status, location, body FROM idempotency_keys WHERE scope = $1 AND key = $2 AND created_at >= $3")
    /// Takes a key that is free or too old, and no other.
    private static let insert = SQL(
        """
        INSERT INTO idempotency_keys (scope, key, fingerprint, status, location, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
        body = excluded.body, created_at = excluded.created_at WHERE idempotency_keys.created_at < $8
        """)

    /// Keys of one service's database.
    public init(database: any Database, context: ServiceContext) { (self.database, self.context) = (database, context) }

    /// Runs a write once per key.
    /// - Parameter work: does the work inside the transaction; a refusal is returned, not thrown, and is not remembered.
    /// - Returns: the answer of the work, or of the first request with this key.
    public func run(
        _ request: WebRequest, _ work: @escaping @Sendable (any Transaction) throws -> Result<WebResponse, Problem>
    ) async throws -> WebResponse {
        guard let use = try KeyUse(request) else { return try await database.write(work).get() }
        return try await hold(use) {
            for _ in 0..<IdempotentWrite.attempts {
                do { return try await write(use, work).get() } catch is KeyTaken { continue }
            }
            throw IdempotentWrite.inFlightProblem
        }
    }

    /// Runs once per key what cannot be one transaction, and may be done twice without harm when the process dies before its answer is stored.
    /// - Returns: the answer of the work, or of the first request with this key.
    public func runRepeatable(_ request: WebRequest, _ work: @Sendable () async throws -> WebResponse) async throws -> WebResponse {
        guard let use = try KeyUse(request) else { return try await work() }
        return try await hold(use) {
            if let first = try await earlierAnswer(use) { return first }
            let response = try await work()
            do { return try await write(use) { _ in .success(response) }.get() } catch is KeyTaken { return response }
        }
    }

    /// The answer that a key was given before, if any: for checks that come before the write and would refuse what was accepted already.
    public func earlierAnswer(_ request: WebRequest) async throws -> WebResponse? {
        guard let use = try KeyUse(request) else { return nil }
        return try await earlierAnswer(use)
    }

    private func earlierAnswer(_ use: KeyUse) async throws -> WebResponse? {
        let oldest = context.now.advanced(byMilliseconds: -IdempotentWrite.keyAgeMilliseconds)
        return try await database.read { try IdempotentWrite.find(use, notBefore: oldest, in: $0) }?.get()
    }

    /// Keeps others with the same key away while one is worked on.
    private func hold(_ use: KeyUse, _ body: () async throws -> WebResponse) async throws -> WebResponse {
        guard inFlight.withLock({ $0.insert(use.name).inserted }) else { throw IdempotentWrite.inFlightProblem }
        defer { _ = inFlight.withLock { $0.remove(use.name) } }
        return try await body()
    }

    private func write(
        _ use: KeyUse, _ work: @escaping @Sendable (any Transaction) throws -> Result<WebResponse, Problem>
    ) async throws -> Result<WebResponse, Problem> {
        let context = self.context
        return try await database.write { transaction in
            let now = context.now
            let oldest = now.advanced(byMilliseconds: -IdempotentWrite.keyAgeMilliseconds)
            if let first = try IdempotentWrite.find(use, notBefore: oldest, in: transaction) { return first }
            let result = try work(transaction)
            guard case .success(let response) = result else {
                // What refuses a request may be what the very same request has done, in another process since the key was looked for.
                return try IdempotentWrite.find(use, notBefore: oldest, in: transaction) ?? result
            }
            if case .bytes(let body) = response.body {
                let stored = try transaction.executeCounting(
                    IdempotentWrite.insert,
                    [
                        .text(use.scope), .text(use.key), .bytes(use.fingerprint), .integer(Int64(response.status.code)),
                        .optional(response.headers[.location]), .bytes(body), .time(now), .time(oldest),
                    ])
                guard stored == 1 else { throw KeyTaken() }
            }
            return result
        }
    }

    private static let inFlightProblem = Problem(
        .conflict, "idempotency-key-in-flight", "A request with this Idempotency-Key is being worked on; try again for its answer.",
        headers: [.retryAfter: "1"])

    private static func find(
        _ use: KeyUse, notBefore oldest: Timestamp, in transaction: any ReadTransaction
    ) throws -> Result<WebResponse, Problem>? {
        try transaction.first(select, [.text(use.scope), .text(use.key), .time(oldest)]) { row in
            guard row.bytes(0) == use.fingerprint else {
                return .failure(
                    Problem(
                        .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used with another body; use a new key for a new request."))
            }
            var headers: HTTPFields = [.contentType: "application/json", .idempotencyReplayed: "true"]
            headers[.location] = row.optionalText(2)
            return .success(WebResponse(status: .init(code: Int(row.integer(1))), headers: headers, body: .bytes(row.bytes(3))))
        }
    }
}

/// A key and what a request uses it for.
private struct KeyUse: Sendable {
    /// What the key is a key of: the method, the path, and whose it is, where it is known who sends a request.
    let scope: String
    let key: String
    /// Tells bodies apart.
    let fingerprint: [UInt8]
    /// Key and scope in one.
    var name: String { "\(scope)\n\(key)" }

    /// Nil when the request has no key.
    /// - Throws: ``Problem`` 400 for a key that is none.
    init?(_ request: WebRequest) throws(Problem) {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw Problem(.badRequest, "bad-idempotency-key", "The Idempotency-Key must have 1 to 255 visible ASCII characters.")
        }
        self.key = key
        let operation = "\(request.method.rawValue) \(request.path)"
        scope = request.principal.kind == .open ? operation : "\(operation) \(request.principal.subject)"
        fingerprint = KeyUse.fingerprint(request.body)
    }

    /// FNV-1a of 128 bits (RFC 9923): tells bodies apart that a client mixed up; it is no defence against one who wants a collision with himself.
    private static func fingerprint(_ body: [UInt8]) -> [UInt8] {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in body { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
        return withUnsafeBytes(of: hash.bigEndian) { Array($0) }
    }
}

extension HTTPField.Name {
    /// The client's name for a request, by which a repetition is known.
    public static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .ifMatch
    /// Tells that an answer is that of an earlier request with the same key.
    public static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed") ?? .vary
}
