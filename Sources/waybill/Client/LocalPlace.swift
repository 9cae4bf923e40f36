import Foundation

/// Where a platform of this machine may keep the keys that its tokens are signed with: what `waybill serve` would work with.
struct LocalPlace: Sendable {
    /// A configuration file that was named; nil for the environment's, or the standard one.
    var config: String?
    /// Settings that were given as flags, by their keys.
    var flags: [String: String] = [:]

    /// Nothing was named: the environment and the standard places.
    static let standard = LocalPlace()

    /// What makes tokens there; nil where there is no platform, or one that asks nobody who he is.
    /// - Throws: ``CredentialsError`` for a place that was named and holds no keys.
    func mint(environment: [String: String]) throws -> LocalMint? {
        let settings: Settings
        do { settings = try Settings(path: config, flags: flags, environment: environment) } catch {
            // A configuration that nobody named may be any file of that name.
            guard config != nil else { return nil }
            throw CredentialsError(description: "\(error)")
        }
        return LocalPlace.mint(settings)
    }

    private static func mint(_ settings: Settings) -> LocalMint? { LocalTokens.mint(settings) }
}
