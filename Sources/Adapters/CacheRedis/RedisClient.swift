import Logging

/// A few connections to one Redis, each with a thread of its own, which blocks in calls to the C library; what waits is sent in one write.
///
/// Redis is expected to be away at any time. Then nobody waits: requests are refused at once, and the threads try to connect with growing pauses and a breaker until it
/// is back. A connection whose answer does not come in time is given up, for what is on its way would be taken for the answer to something else.
public final class RedisClient: Sendable {
    let configuration: RedisConfiguration
    private let workers: RedisWorkers

    /// Starts the threads; they connect by themselves, and nobody waits for it.
    public init(_ configuration: RedisConfiguration, logger: Logger) {
        self.configuration = configuration
        workers = RedisWorkers(configuration, logger: logger)
        workers.start()
    }

    deinit { workers.stop() }

    /// Connections that are up; a gauge.
    public var connections: Int { workers.queue.withLock { $0.connections } }
    /// Requests that wait for their turn; a gauge.
    public var waiting: Int { workers.queue.withLock { $0.waitingCount } }
    /// Whether requests are refused at once.
    public var isAway: Bool { workers.queue.withLock { $0.isAway } }
    /// Whether nothing waits and nothing is being answered.
    public var isIdle: Bool { workers.queue.withLock { $0.isIdle } }

    /// Ends the connections once what waits has been sent, within the time of a call. Safe to call twice.
    public func close() async {
        workers.stop()
        await workers.awaitEnd()
    }

    /// Sends commands that belong together and waits for their replies.
    /// - Throws: ``RedisError``. A reply that is an error is a reply.
    func send(_ commands: [RedisCommand]) async throws -> [RedisReply] {
        let deadline = Uptime.now + Uptime.nanoseconds(configuration.replyTimeout)
        return try await withUnsafeThrowingContinuation { continuation in
            offer(RedisRequest(commands: commands, deadline: deadline, isKept: false) { continuation.resume(with: $0.mapError { $0 as any Error }) })
        }
    }

    /// Lets a request wait for its turn; its closure is called here and now where it may not.
    func offer(_ request: RedisRequest) {
        if let error = workers.queue.withLock({ $0.submit(request) }) { return request.complete(.failure(error)) }
        workers.queue.wakeOne()
    }
}
