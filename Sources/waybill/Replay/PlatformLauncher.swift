import WaybillClient

/// Gives a command a platform to talk to, for as long as it runs.
protocol PlatformLauncher: Sendable {
    /// What to tell it who one is.
    var credentials: Credentials { get }

    /// Calls the closure with the platform's address; ends what was started when the closure returns or throws.
    func withPlatform<T: Sendable>(_ body: @Sendable (String) async throws -> T) async throws -> T
}

/// A platform that somebody else has started.
struct RunningPlatform: PlatformLauncher {
    let url: String
    let credentials: Credentials

    func withPlatform<T: Sendable>(_ body: @Sendable (String) async throws -> T) async throws -> T { try await body(url) }
}
