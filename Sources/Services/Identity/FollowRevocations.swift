import Logging
import Messaging
import Security
import ServiceLifecycle
import Synchronization
import Wire

/// Keeps ``RevokedTokens`` up to date with what other processes revoke, from the database or from Identity's processes: every 5 seconds, and only what is new.
public final class FollowRevocations: Service, CustomStringConvertible {
    /// Reads the revocations with identifiers above one, the lowest first, ``pageSize`` of them at most.
    public typealias Fetch = @Sendable (_ after: Identifier) async throws -> [Revocation]

    /// How many are read at once.
    public static let pageSize = 1_000
    private static let interval: Duration = .seconds(5)
    /// What is new is looked for so far back: transactions end in another order than that of their identifiers, and clocks differ.
    private static let overlapMilliseconds: Int64 = 120_000

    /// What the log calls it.
    public let description = "revocations"
    /// What is known.
    public let revoked: RevokedTokens
    private let context: ServiceContext
    private let logger: Logger
    private let fetch: Fetch
    /// The latest moment of a revocation that was read, in milliseconds since 1970, and never one that is still to come.
    private let newest = Mutex<Int64>(0)

    /// - Parameters:
    ///   - revoked: what is kept up to date.
    ///   - fetch: asked once for each page.
    public init(_ revoked: RevokedTokens, context: ServiceContext, logger: Logger, fetch: @escaping Fetch) {
        (self.revoked, self.context, self.logger, self.fetch) = (revoked, context, logger, fetch)
    }

    /// Reads what is new; at first everything. Several at once do no harm.
    /// - Throws: what reading throws; then as much is known as before, or more.
    public func refresh() async throws {
        let start = newest.withLock { max(0, $0 - FollowRevocations.overlapMilliseconds) }
        var position = Identifier.lowerBound(of: Timestamp(milliseconds: start))
        while true {
            let page = try await fetch(position)
            revoked.add(page)
            // Whatever comes, reading has an end: every page goes further than the one before.
            guard let last = page.last?.id, last > position else { break }
            position = last
            // A clock that is ahead elsewhere must not lead past what is revoked by the others.
            let read = min(last.milliseconds, context.now.milliseconds)
            newest.withLock { $0 = max($0, read) }
            if page.count < FollowRevocations.pageSize { break }
        }
        revoked.isComplete(at: context.now)
    }

    /// Reads until the process drains. A read that fails is told once and tried again; nothing is thrown.
    public func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            var hasFailed = false
            while !Task.isCancelled {
                do {
                    try await refresh()
                    if hasFailed { logger.notice("revocations of tokens can be read again") }
                    hasFailed = false
                } catch {
                    // What was revoked until now stays revoked, and what is revoked from now on is not heard of here.
                    if !hasFailed, !Task.isCancelled { logger.warning("cannot read the revocations of tokens", metadata: ["error": "\(error)"]) }
                    hasFailed = true
                }
                try? await context.clock.sleep(for: FollowRevocations.interval)
            }
        }
    }
}
