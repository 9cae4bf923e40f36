import Foundation
import Logging
import Platform

/// Tokens for a platform on this machine, signed with the keys in its own Identity database: whoever can read that database is trusted with them anyway.
enum LocalTokens {
    /// How long a token is good that a command makes for itself.
    static let briefly: Duration = .seconds(900)

    /// Whether a data folder has an Identity database.
    static func isAvailable(data: String) -> Bool { LocalIdentity.exists(inFolder: data) }

    /// A token for the platform whose data folder this is, which may be running; its issuer and audience are the default ones.
    /// - Throws: ``PlatformError``, in words for people; `StorageError`.
    static func token(role: String, subject: String, data: String) async throws -> String {
        try await token(LocalToken(subject: subject, roles: [role], lifetime: briefly), PlatformConfiguration(storage: .folder(data)))
    }

    /// A token for the platform that these settings describe: its Identity database (SQLite or PostgreSQL), its issuer, its audience.
    /// - Throws: ``PlatformError``, in words for people; `StorageError`.
    static func token(role: String, subject: String, settings: Settings) async throws -> String {
        try await token(LocalToken(subject: subject, roles: [role], lifetime: briefly), settings.platform())
    }

    /// A token of the platform with this configuration.
    static func token(_ wish: LocalToken, _ configuration: PlatformConfiguration) async throws -> String {
        try await LocalIdentity(configuration, logger: Logger(label: "waybill.token")).token(wish)
    }
}
