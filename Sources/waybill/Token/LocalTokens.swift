import Foundation
import Logging
import Platform
import WaybillClient
import Web

/// Tokens for a platform on this machine, signed with the keys in its own Identity database: whoever can read that database is trusted with them anyway.
enum LocalTokens {
    /// How long a token is good that a command makes for itself.
    static let briefly: Duration = .seconds(900)

    /// Whether a data folder has an Identity database.
    static func isAvailable(data: String) -> Bool { LocalIdentity.exists(inFolder: data) }

    /// What makes tokens for the platform that these settings describe; nil where it needs none, believes only others', or has no keys yet.
    static func mint(_ settings: Settings) -> LocalMint? {
        guard settings.text("auth") != "off", settings.text("auth.identity") != "false" else { return nil }
        let configuration = settings.platform()
        let keys: String
        switch configuration.engines.storage {
        case .sqlite:
            let folder = settings.text("data") ?? "./data"
            guard LocalIdentity.exists(inFolder: folder) else { return nil }
            keys = folder
        case .postgres: keys = "the database of identity"
        }
        return LocalMint(keys: keys) { role, subject in
            IssuedToken(try await token(LocalToken(subject: subject, roles: [role.rawValue], lifetime: briefly), configuration), lifetime: briefly)
        }
    }

    /// A token for the platform whose data folder this is, which may be running; its issuer and audience are the default ones.
    /// - Throws: ``PlatformError``, in words for people; `StorageError`.
    static func token(role: Role, subject: String, data: String) async throws -> String {
        try await token(LocalToken(subject: subject, roles: [role.rawValue], lifetime: briefly), PlatformConfiguration(storage: .folder(data)))
    }

    /// A token of the platform with this configuration.
    static func token(_ wish: LocalToken, _ configuration: PlatformConfiguration) async throws -> String {
        var logger = Logger(label: "waybill.token")
        logger.logLevel = .critical
        return try await LocalIdentity(configuration, logger: logger).token(wish)
    }
}
