import Logging
import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Web
import Wire

/// Knows API keys: looks them up, remembers those in use for half a minute, and notes when they were last used.
final class APIKeyRing: Service, CustomStringConvertible {
    /// For how long a key that another process has revoked may still hold here.
    static let freshMilliseconds: Int64 = 30_000
    private static let capacity = 10_000
    private static let noteInterval: Duration = .seconds(30)

    private struct State {
        var known = RecencyTable<Identifier, (key: APIKey, readAt: Timestamp)>()
        var uses: [Identifier: Timestamp] = [:]
    }

    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let state = Mutex(State())

    var description: String { "API keys" }

    init(_ environment: ServiceEnvironment) { (database, context, logger) = (environment.database, environment.context, environment.logger) }

    /// Who has a key; nil where it does not hold, for whatever reason.
    /// - Throws: ``StorageError``.
    func principal(_ text: APIKeyText) async throws -> Principal? {
        let now = context.now
        let key = try await key(text.id, at: now)
        // Compared also where there is none, so that the time does not tell which keys exist.
        let isRight = Secrets.areEqual(key?.secret ?? Secrets.nobodys, text.digest)
        guard let key, isRight, key.holds(at: now) else { return nil }
        state.withLock { state in
            if state.uses[key.id] != nil || state.uses.count < APIKeyRing.capacity { state.uses[key.id] = now }
        }
        return key.principal
    }

    private func key(_ id: Identifier, at now: Timestamp) async throws -> APIKey? {
        let known = state.withLock { state in
            state.known.use(id).flatMap { entry in (0..<APIKeyRing.freshMilliseconds).contains(now.milliseconds &- entry.readAt.milliseconds) ? entry.key : nil
            }
        }
        if let known { return known }
        // What is not there is not remembered: who makes up names would push out those in use.
        guard let key = try await database.read({ try APIKeyTable.find(id, in: $0) }) else { return nil }
        state.withLock { state in
            state.known.set(id, (key, now))
            if state.known.count > APIKeyRing.capacity { _ = state.known.removeOldest() }
        }
        return key
    }

    /// Forgets what is remembered of a key, because it was changed.
    func forget(_ id: Identifier) { state.withLock { _ = $0.known.remove(id) } }

    // MARK: - When they were used

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await self.context.clock.sleep(for: APIKeyRing.noteInterval)
                await self.note()
            }
        }
        await note()
    }

    /// Writes down when keys were last used.
    func note() async {
        let uses = state.withLock { state in
            defer { state.uses = [:] }
            return state.uses
        }
        guard !uses.isEmpty else { return }
        do { try await database.write { try APIKeyTable.touch(uses, in: $0) } } catch {
            // It is a remark for people; the next use is noted again.
            logger.warning("cannot note when API keys were used", metadata: ["error": "\(error)"])
        }
    }
}
