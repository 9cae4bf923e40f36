import Foundation

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
            return LocalTokens.mint(settings)
        } catch let error as SettingsError {
            // A configuration that nobody named may be any file of that name.
            guard config != nil else { return nil }
            throw CredentialsError(description: "No token can be made with \(config ?? ""): \(error)")
        }
    }
}
