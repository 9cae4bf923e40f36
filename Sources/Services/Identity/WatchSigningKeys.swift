import Messaging
import ServiceLifecycle

/// Reads the keys that sign again and again: where all tokens were seen before nobody asks for keys, and one that another process has revoked would go on being
/// believed until the last of its tokens has expired.
struct WatchSigningKeys: Service, CustomStringConvertible {
    private static let interval: Duration = .seconds(30)

    let keys: SigningKeyRing
    let context: ServiceContext

    var description: String { "signing keys" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await context.clock.sleep(for: WatchSigningKeys.interval)
                // Where the database is away, what was known is as good as before.
                if !Task.isCancelled { _ = try? await keys.all() }
            }
        }
    }
}
