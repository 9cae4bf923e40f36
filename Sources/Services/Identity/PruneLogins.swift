import Logging
import Messaging
import ServiceLifecycle
import Storage
import Wire

/// Removes logins that ended more than a day ago, and revocations whose tokens have expired, in small transactions. Until then a token that comes once more is known as one that was used.
struct PruneLogins: Service, CustomStringConvertible {
    private static let interval: Duration = .seconds(600)
    private static let age: Int64 = 86_400_000
    private static let chunk = 500

    let database: any Database
    let context: ServiceContext
    let logger: Logger

    var description: String { "ended logins" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await step() } catch StorageError.closed { return } catch {
                    logger.error("cannot remove ended logins", metadata: ["error": "\(error)"])
                }
                try? await context.clock.sleep(for: PruneLogins.interval)
            }
        }
    }

    func step() async throws {
        let limit = context.now.advanced(byMilliseconds: -PruneLogins.age)
        let now = context.now
        while try await database.write({ try RevocationTable.prune(before: now, count: PruneLogins.chunk, in: $0) }) == PruneLogins.chunk {}
        while try await database.write({ try LoginTable.prune(before: limit, count: PruneLogins.chunk, in: $0) }) == PruneLogins.chunk {}
    }
}
