import Identity
import Security
import Storage
import Synchronization
import WaybillClient
import Web
import Wire

/// Identity where it runs in other processes, as a gateway needs it: its public keys, and whose API keys are.
final class RemoteIdentity: Sendable {
    /// For how long an answer counts: so long a key that was revoked may still hold.
    private static let freshMilliseconds: Int64 = 30_000
    private static let capacity = 10_000

    /// Another answer than the one asked for.
    struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    /// A key as it was presented: a secret counts for its own key alone.
    private struct Presented: Hashable {
        let id: Identifier
        let digest: [UInt8]
    }

    let pool: UpstreamPool
    private let now: @Sendable () -> Timestamp
    private let known = Mutex(RecencyTable<Presented, (principal: Principal, readAt: Timestamp)>())

    /// - Throws: ``PlatformError`` for an address that cannot be used.
    init(urls: [String], secret: Secret?, now: @escaping @Sendable () -> Timestamp) throws {
        var configuration = UpstreamPool.Configuration()
        configuration.timeout = .seconds(4)
        configuration.attemptTimeout = .seconds(2)
        configuration.secret = secret
        pool = try UpstreamPool("identity-keys", urls: urls, configuration: configuration)
        self.now = now
    }

    /// The document with the public keys.
    func document() async throws -> [UInt8] {
        let response = try await pool.send(ClientRequest(path: "/.well-known/jwks.json"), isRepeatable: true)
        guard response.status == 200 else { throw Unexpected(description: "Identity answered with status \(response.status)") }
        return response.body
    }

    /// What was revoked, above an identifier.
    func revocations(after id: Identifier) async throws -> [Revocation] {
        let request = ClientRequest(
            method: "POST", path: "/internal/revocations", headers: [("Content-Type", "application/json")],
            body: JSONWriter.object { $0.member("after", id) })
        let response = try await pool.send(request, isRepeatable: true)
        switch response.status {
        case 200:
            guard let items = try JSONParser.parse(response.body)["items"]?.array else { throw Unexpected(description: "Identity's answer is not complete") }
            // Of a kind that is not known here nothing can be said; the next release's gateway heeds it.
            return items.compactMap { Revocation($0) }
        // An Identity of the release before this one revokes nothing.
        case 404: return []
        default: throw Unexpected(description: "Identity answered with status \(response.status)")
        }
    }

    /// Whose a key is; nil where it does not hold.
    func principal(_ key: APIKeyText) async throws -> Principal? {
        let (now, presented) = (now(), Presented(id: key.id, digest: key.digest))
        let fresh = known.withLock { known in
            known.use(presented).flatMap { entry in
                (0..<RemoteIdentity.freshMilliseconds).contains(now.milliseconds &- entry.readAt.milliseconds) ? entry.principal : nil
            }
        }
        if let fresh { return fresh }
        guard let principal = try await ask(key) else { return nil }
        known.withLock { known in
            known.set(presented, (principal, now))
            if known.count > RemoteIdentity.capacity { _ = known.removeOldest() }
        }
        return principal
    }

    private func ask(_ key: APIKeyText) async throws -> Principal? {
        let body = JSONWriter.object { json in
            json.member("id", key.id)
            json.member("digest", Base64URL.encode(key.digest))
        }
        let request = ClientRequest(
            method: "POST", path: "/internal/api-keys/verify", headers: [("Content-Type", "application/json")], body: body)
        let response = try await pool.send(request, by: RequestScope.current?.deadline, isRepeatable: true)
        switch response.status {
        case 200:
            guard let principal = RemoteIdentity.principal(response.body) else { throw Unexpected(description: "Identity's answer is not complete") }
            return principal
        case 404: return nil
        default: throw Unexpected(description: "Identity answered with status \(response.status)")
        }
    }

    private static func principal(_ body: [UInt8]) -> Principal? {
        guard let json = try? JSONParser.parse(body), let subject = json["subject"]?.string, let roles = json["roles"]?.array else { return nil }
        let scopes = json["scopes"]?.array.map { Set($0.compactMap { $0.string.flatMap { Scope(rawValue: $0) } }) }
        return Principal(subject: subject, roles: Set(roles.compactMap { $0.string.flatMap { Role(rawValue: $0) } }), scopes: scopes, kind: .key)
    }
}
