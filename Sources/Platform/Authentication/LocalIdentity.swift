import Contracts
import Foundation
import Identity
import Logging
import Messaging
import Storage
import StorageSQLite
import Web

/// A token that somebody wants who has the database of Identity.
public struct LocalToken: Sendable {
    public var subject: String
    public var roles: [String]
    /// Nil for all that the roles allow.
    public var scopes: [String]?
    /// At most a day; nil for what is configured.
    public var lifetime: Duration?

    public init(subject: String, roles: [String], scopes: [String]? = nil, lifetime: Duration? = nil) {
        (self.subject, self.roles, self.scopes, self.lifetime) = (subject, roles, scopes, lifetime)
    }
}

/// Makes tokens with the keys that lie in Identity's database, beside a platform that may be running: there is no request to it, and none is needed.
public struct LocalIdentity: Sendable {
    private static let name = ServiceName.identity.rawValue
    private let configuration: PlatformConfiguration
    private let logger: Logger

    /// - Parameter configuration: names the database, and what tokens say.
    public init(_ configuration: PlatformConfiguration, logger: Logger) { (self.configuration, self.logger) = (configuration, logger) }

    /// Whether there is such a database in a data folder.
    public static func exists(inFolder folder: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name).sqlite") }

    /// Makes a token. A database that is missing is made, and a key with it.
    /// - Throws: ``PlatformError``, in words for people; ``StorageError``; ``MigrationError``.
    public func token(_ wish: LocalToken) async throws -> String {
        let (roles, scopes) = (try LocalIdentity.roles(wish.roles), try wish.scopes.map(LocalIdentity.scopes))
        guard (1...100).contains(wish.subject.utf8.count), wish.subject.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw PlatformError("the subject must have 1 to 100 visible ASCII characters")
        }
        guard configuration.authentication.usesIdentity else {
            throw PlatformError("this platform does not believe its own tokens (auth.identity is false): its identity provider makes them")
        }
        return try await withService { service in
            try await service.keys.open()
            return try await service.token(
                subject: wish.subject, roles: roles, scopes: scopes, lifetimeMilliseconds: wish.lifetime.map { Int64($0 / .milliseconds(1)) })
        }
    }

    private func withService<T: Sendable>(_ body: (IdentityService) async throws -> T) async throws -> T {
        if case .memory = configuration.storage, configuration.engines.storage == .sqlite {
            throw PlatformError("a platform that keeps its data in memory has no database that others could open")
        }
        if case .folder(let folder) = configuration.storage, configuration.engines.storage == .sqlite { try LocalIdentity.made(folder) }
        let room = EngineRoom(configuration: configuration, logger: logger) { _, _ in }
        // A schema that is up to date is left alone: a program of the next release must not change it under a platform that runs.
        let isCurrent = try await room.schemaState(LocalIdentity.name).pending(IdentityService.migrations, owner: LocalIdentity.name).isEmpty
        let database = try room.database(LocalIdentity.name)
        let context = ServiceContext(service: LocalIdentity.name, clock: SystemClock(), seed: .random(in: .min ... .max))
        let environment = ServiceEnvironment(
            database: database, context: context, outbox: Outbox(sink: EventBus(registry: EventCatalog.registry)), logger: logger)
        let result: Result<T, any Error>
        do {
            if !isCurrent { try await database.migrate(IdentityService.migrations, owner: LocalIdentity.name) }
            result = .success(try await body(IdentityService(environment, configuration: configuration.identity)))
        } catch { result = .failure(error) }
        await database.close()
        return try result.get()
    }

    private static func made(_ folder: String) throws {
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw PlatformError("cannot make the data folder \(folder): \(error.localizedDescription)")
        }
    }

    private static func roles(_ names: [String]) throws -> Set<Role> {
        let known = Role.allCases.map(\.rawValue).joined(separator: ", ")
        guard !names.isEmpty else { throw PlatformError("a token needs a role: \(known)") }
        return Set(
            try names.map { name in
                guard let role = Role(rawValue: name) else { throw PlatformError("there is no role \"\(name)\"; there are \(known)") }
                return role
            })
    }

    private static func scopes(_ names: [String]) throws -> Set<Scope> {
        Set(
            try names.map { name in
                guard let scope = Scope(rawValue: name) else {
                    throw PlatformError("there is no scope \"\(name)\"; there are \(Scope.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return scope
            })
    }
}
