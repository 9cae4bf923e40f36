import Dispatch
import Logging
import Metrics
import Storage

/// A worker's connection: opened when needed, and again when it was lost, with growing pauses. Confined to its worker's queue.
final class ServerLink {
    private static let firstPause: Double = 0.05
    private static let longestPause: Double = 2

    private let factory: ConnectionFactory
    private let purpose: ConnectionFactory.Purpose
    private let logger: Logger
    private let reconnects: Counter
    private var connection: PostgresConnection?
    private var failures = 0
    private var hasBeenUp = false
    /// When the next attempt may be made, in nanoseconds of the monotonic clock.
    private(set) var nextAttempt: UInt64 = 0

    init(_ factory: ConnectionFactory, _ purpose: ConnectionFactory.Purpose, logger: Logger) {
        (self.factory, self.purpose, self.logger) = (factory, purpose, logger)
        reconnects = Counter(label: "waybill_storage_reconnects", dimensions: [("database", factory.name)])
    }

    /// The connection, if it is up.
    var current: PostgresConnection? {
        guard let connection, !connection.isLost else { return nil }
        return connection
    }

    /// The connection, opened now if it has to be.
    /// - Parameter prepare: what else a new connection needs.
    /// - Throws: ``PostgresFailure``; ``nextAttempt`` says when to try again.
    func open(_ prepare: (PostgresConnection) throws -> Void = { _ in }) throws -> PostgresConnection {
        if let current { return current }
        drop()
        do {
            let new = try factory.open(purpose)
            try prepare(new)
            connection = new
            if failures > 0 { logger.info("connected to PostgreSQL again", metadata: ["server": "\(factory.server.description)"]) }
            if hasBeenUp { reconnects.increment() }
            (hasBeenUp, failures, nextAttempt) = (true, 0, 0)
            return new
        } catch {
            let text = (error as? PostgresFailure)?.text ?? "\(error)"
            if failures == 0 {
                logger.error("no connection to PostgreSQL", metadata: ["server": "\(factory.server.description)", "error": "\(text)"])
            }
            failures += 1
            // Capped, doubled each time, with half of it left to chance, so that the processes of a cluster do not come back in step.
            let pause = min(ServerLink.longestPause, ServerLink.firstPause * Double(1 << min(failures - 1, 10))) * Double.random(in: 0.5...1)
            nextAttempt = DispatchTime.now().uptimeNanoseconds + UInt64(pause * 1_000_000_000)
            throw error
        }
    }

    func drop() { connection = nil }
}
