import Foundation
import Platform
import WaybillClient
import Web

/// Where a platform of this machine may keep the keys that its tokens are signed with: what `waybill serve` would work with.
struct LocalPlace: Sendable {
    /// A configuration file that was named; nil for the environment's, or the standard one.
    var config: String?
    /// Settings that were given as flags, by their keys.
    var flags: [String: String] = [:]

    /// Nothing was named: the environment and the standard places.
    static let standard = LocalPlace()

    /// What makes tokens there; nil where there is no platform, or one that asks nobody who he is. Nothing is made by asking.
    /// - Throws: ``CredentialsError`` for a configuration that was named and cannot be used.
    func mint(environment: [String: String]) throws -> LocalMint? {
        do {
            let settings = try Settings(path: config, flags: flags, environment: environment)
            let mistakes = settings.engineMistakes(withBroker: false)
            guard mistakes.isEmpty else { throw SettingsError(mistakes) }
            return LocalPlace.mint(settings)
        } catch let error as SettingsError {
            // A configuration that nobody named may be any file of that name.
            guard config != nil else { return nil }
            throw CredentialsError(description: "No token can be made with \(config ?? ""): \(error)")
        }
    }

    private static func mint(_ settings: Settings) -> LocalMint? {
        guard case .required(let authentication) = settings.authentication(), authentication.usesIdentity else { return nil }
        guard let keys = keys(settings) else { return nil }
        return LocalMint(keys: keys) { role, subject in
            let token = try await LocalTokens.token(role: role.rawValue, subject: subject, settings: settings)
            return IssuedToken(token, lifetime: LocalTokens.briefly)
        }
    }

    /// Where the database of Identity is, in words; nil where there is none.
    private static func keys(_ settings: Settings) -> String? {
        if settings.text("storage") == "postgres" { return "the databases of \(settings.path ?? "the environment's settings")" }
        let folder = settings.text("data") ?? "./data"
        return LocalTokens.isAvailable(data: folder) ? folder : nil
    }
}
