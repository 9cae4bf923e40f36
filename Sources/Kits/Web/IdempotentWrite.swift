import HTTPTypes
import Messaging
import Storage
import Synchronization
import Wire

/// Honours the Idempotency-Key header of POSTs (draft-ietf-httpapi-idempotency-key-header): the answer is stored in the transaction that does the work, so
/// it exists exactly when the work does (RELIABILITY, trap 9).
public final class IdempotentWrite: Sendable {
    private let database: any Database
    private let context: ServiceContext
    private let inFlight = Mutex<Set<String>>([])

    private static let select = SQL("SELECT fingerprint, status, location, body FROM idempotency_keys WHERE scope = $1 AND key = $2")
    private static let insert = SQL(
        "INSERT INTO idempotency_keys (scope, key, fingerprint, status, location, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")

    /// Keys of one service's database.
    public init(database: any Database, context: ServiceContext) { (self.database, self.context) = (database, context) }

    /// Runs a write once per key.
    /// - Parameter work: does the work inside the transaction; a refusal is returned, not thrown, and is not remembered.
    /// - Returns: the answer of the work, or of the first request with this key.
    public func run(
        _ request: WebRequest, _ work: @escaping @Sendable (any Transaction) throws -> Result<WebResponse, Problem>
    ) async throws -> WebResponse {
        guard let key = try IdempotentWrite.key(of: request) else { return try await database.write(work).get() }
        let scope = "\(request.method.rawValue) \(request.path)"
        let held = "\(scope)\n\(key)"
        guard inFlight.withLock({ $0.insert(held).inserted }) else {
            throw Problem(
                .conflict, "idempotency-key-in-flight", "A request with this Idempotency-Key is being worked on; try again for its answer.",
                headers: [.retryAfter: "1"])
        }
        defer { _ = inFlight.withLock { $0.remove(held) } }
        let fingerprint = IdempotentWrite.fingerprint(request.body)
        let context = self.context
        return try await database.write { transaction in
            if let first = try IdempotentWrite.find(scope, key, fingerprint, in: transaction) { return first }
            let result = try work(transaction)
            if case .success(let response) = result, case .bytes(let body) = response.body {
                try transaction.execute(
                    IdempotentWrite.insert,
                    [
                        .text(scope), .text(key), .bytes(fingerprint), .integer(Int64(response.status.code)), .optional(response.headers[.location]),
                        .bytes(body),
                        .time(context.now),
                    ])
            }
            return result
        }.get()
    }

    /// The answer that a key was given before, if any: for checks that come before the write and would refuse what was accepted already.
    public func earlierAnswer(_ request: WebRequest) async throws -> WebResponse? {
        guard let key = try IdempotentWrite.key(of: request) else { return nil }
        let scope = "\(request.method.rawValue) \(request.path)"
        let fingerprint = IdempotentWrite.fingerprint(request.body)
        return try await database.read { try IdempotentWrite.find(scope, key, fingerprint, in: $0) }?.get()
    }

    private static func find(_ scope: String, _ key: String, _ fingerprint: [UInt8], in transaction: any ReadTransaction) throws -> Result<
        WebResponse, Problem
    >? {
        try transaction.first(select, [.text(scope), .text(key)]) { row in
            guard row.bytes(0) == fingerprint else {
                return .failure(
                    Problem(
                        .unprocessableContent, "idempotency-key-reused", "This Idempotency-Key was used with another body; use a new key for a new request."))
            }
            var headers: HTTPFields = [.contentType: "application/json", .idempotencyReplayed: "true"]
            headers[.location] = row.optionalText(2)
            return .success(WebResponse(status: .init(code: Int(row.integer(1))), headers: headers, body: .bytes(row.bytes(3))))
        }
    }

    private static func key(of request: WebRequest) throws(Problem) -> String? {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw Problem(.badRequest, "bad-idempotency-key", "The Idempotency-Key must have 1 to 255 visible ASCII characters.")
        }
        return key
    }

    /// FNV-1a of 128 bits (RFC 9923): tells bodies apart that a client mixed up; it is no defence against one who wants a collision with himself.
    static func fingerprint(_ body: [UInt8]) -> [UInt8] {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in body { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
        return withUnsafeBytes(of: hash.bigEndian) { Array($0) }
    }
}

extension HTTPField.Name {
    /// The client's name for a request, by which a repetition is known.
    public static var idempotencyKey: HTTPField.Name { HTTPField.Name("Idempotency-Key") ?? .ifMatch }
    /// Tells that an answer is that of an earlier request with the same key.
    public static var idempotencyReplayed: HTTPField.Name { HTTPField.Name("Idempotency-Replayed") ?? .vary }
}
