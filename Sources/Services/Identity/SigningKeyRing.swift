import Messaging
import Security
import Storage
import Synchronization
import Wire

/// The keys that sign tokens. They are made at the first start and lie in the database, so that all processes of the service have the same.
public final class SigningKeyRing: KeySource {
    /// For how long what was read counts: within that time every process signs with the key that another one has just made the active one.
    private static let freshMilliseconds: Int64 = 10_000
    /// Between two looks for a key that is not known.
    private static let pauseMilliseconds: Int64 = 1_000

    private struct State {
        var keys: [StoredKey] = []
        var byID: [String: VerificationKey] = [:]
        var version = 0
        var readAt: Timestamp?
    }

    private let database: any Database
    private let context: ServiceContext
    private let log: AdminLog
    private let state = Mutex(State())

    init(database: any Database, context: ServiceContext) {
        (self.database, self.context) = (database, context)
        log = AdminLog(context: context)
    }

    /// Makes the first key where there is none. Of several processes that start at once one makes it.
    /// - Throws: ``StorageError``.
    public func open() async throws {
        guard try await read().isEmpty else { return }
        let (key, now) = (try SigningKey.generate(.es256), context.now)
        try await database.write { transaction in
            guard try SigningKeyTable.all(in: transaction).isEmpty else { return }
            try SigningKeyTable.add(key, after: nil, at: now, activeFrom: now, in: transaction)
        }
        _ = try await read()
    }

    /// The key to sign with now.
    /// - Throws: ``StorageError``.
    func signing() async throws -> SigningKey {
        if let key = try await current().signing(at: context.now)?.key { return key }
        // All that could sign were revoked, or the clock was set back: what comes next may sign now.
        if let key = try await read().first(where: { $0.revokedAt == nil })?.key { return key }
        throw StorageError.failed("there is no key to sign with")
    }

    /// The keys that verifiers are told of.
    func published() async throws -> [StoredKey] { try await current().published(at: context.now) }

    /// All keys.
    func all() async throws -> [StoredKey] { try await read() }

    // MARK: - Verification

    public func key(id: String?) async -> VerificationKey? {
        guard let id else { return nil }
        let now = context.now
        let (known, age) = state.withLock { ($0.byID[id], SigningKeyRing.age($0, now)) }
        if known != nil, age < SigningKeyRing.freshMilliseconds { return known }
        guard known != nil || age >= SigningKeyRing.pauseMilliseconds else { return nil }
        // Where the database is away, what was known is as good as before.
        guard (try? await read()) != nil else { return known }
        return state.withLock { $0.byID[id] }
    }

    public var version: Int { state.withLock { $0.version } }

    // MARK: - Changes

    /// Makes a new key, which takes the place of the one that signs.
    /// - Parameter isImmediate: whether it signs at once; else when every verifier has had the time to hear of it.
    func rotate(isImmediate: Bool, by actor: String) async throws -> StoredKey? {
        let (key, now) = (try SigningKey.generate(.es256), context.now)
        let activeFrom = isImmediate ? now : now.advanced(byMilliseconds: IdentityConfiguration.keyLeadMilliseconds)
        try await database.write { [log] transaction in
            let last = try SigningKeyTable.all(in: transaction).last
            try SigningKeyTable.add(key, after: last, at: now, activeFrom: activeFrom, in: transaction)
            try log.record(
                actor: actor, action: "signing-key.rotate", subject: key.id, before: last.map { "\($0.key.id) was the newest" } ?? "there was none",
                after: "signs from \(activeFrom)", in: transaction)
        }
        return try await read().first { $0.key.id == key.id }
    }

    /// Takes a key out of use: what it has signed no longer holds. Where no other key could sign, a new one does at once.
    /// - Returns: false where there is no such key.
    func revoke(_ id: String, by actor: String) async throws -> Bool {
        let (successor, now) = (try SigningKey.generate(.es256), context.now)
        let isDone = try await database.write { [log] transaction in
            guard try SigningKeyTable.revoke(id, at: now, in: transaction) else { return false }
            let keys = try SigningKeyTable.all(in: transaction)
            let needsAnother = keys.signing(at: now) == nil
            if needsAnother { try SigningKeyTable.add(successor, after: keys.last, at: now, activeFrom: now, in: transaction) }
            try log.record(
                actor: actor, action: "signing-key.revoke", subject: id, before: "in use", after: needsAnother ? "revoked; \(successor.id) signs" : "revoked",
                in: transaction)
            return true
        }
        _ = try await read()
        return isDone
    }

    // MARK: - What was read

    private func current() async throws -> [StoredKey] {
        let now = context.now
        let fresh = state.withLock { SigningKeyRing.age($0, now) < SigningKeyRing.freshMilliseconds ? $0.keys : nil }
        if let fresh { return fresh }
        return try await read()
    }

    @discardableResult
    private func read() async throws -> [StoredKey] {
        let now = context.now
        let keys = try await database.read { try SigningKeyTable.all(in: $0) }
        let published = keys.published(at: now)
        state.withLock { state in
            // What was verified with a key that is no longer published must not be believed from memory.
            if Set(published.map(\.key.id)) != Set(state.byID.keys) { state.version += 1 }
            state.keys = keys
            state.byID = Dictionary(published.map { ($0.key.id, $0.key.verificationKey) }) { first, _ in first }
            state.readAt = now
        }
        return keys
    }

    /// In milliseconds; a clock that was set back counts as a long time.
    private static func age(_ state: State, _ now: Timestamp) -> Int64 {
        guard let readAt = state.readAt, now >= readAt else { return .max }
        return now.milliseconds - readAt.milliseconds
    }
}
