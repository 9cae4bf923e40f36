import Foundation
import Logging
import Metrics
import Resilience
import Synchronization

/// The threads of a client. They hold on to this object, and not to the client, so that a client which nobody needs any more can go and stop them.
final class RedisWorkers: Sendable {
    let queue: Monitor<RequestQueue>
    private let configuration: RedisConfiguration
    private let logger: Logger
    private let end = Mutex<(running: Int, waiters: [CheckedContinuation<Void, Never>])>((0, []))
    private let isKnownAway = Mutex(false)
    /// Whether the client was closed: what threads that pause wait for, so that none of them takes the wake-up of one that serves.
    private let closing = Monitor(false)
    private let roundTrip: Metrics.Timer
    private let batchSize: Recorder
    private let failures: Counter
    private let gauge: Gauge

    /// How long a connection may be idle before it is tried.
    private static let idleTime: Duration = .seconds(10)

    init(_ configuration: RedisConfiguration, logger: Logger) {
        (self.configuration, self.logger) = (configuration, logger)
        queue = Monitor(RequestQueue(configuration))
        roundTrip = Metrics.Timer(label: "waybill_redis_round_trip")
        batchSize = Recorder(label: "waybill_redis_batch_size", aggregate: false)
        failures = Counter(label: "waybill_redis_connection_failures")
        gauge = Gauge(label: "waybill_redis_connections")
    }

    func start() {
        let count = max(1, configuration.connections)
        end.withLock { $0.running = count }
        for index in 0..<count {
            let thread = Thread { self.work() }
            thread.name = "waybill.redis.\(index)"
            thread.start()
        }
    }

    func stop() {
        for request in queue.withLock({ $0.close() }) { request.complete(.failure(.closed)) }
        queue.wakeAll()
        closing.withLock { $0 = true }
        closing.wakeAll()
    }

    func awaitEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = end.withLock { end in
                if end.running > 0 { end.waiters.append(continuation) }
                return end.running == 0
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: On a thread of its own

    private func work() {
        // Writing to a connection that the server has closed must be an error and not the end of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var failed = 0
        while let begun = awaitAdmission(afterFailures: failed) {
            do throws(RedisError) {
                let connection = try RedisConnection(configuration)
                queue.withLock { $0.connected(at: Uptime.milliseconds, begunAt: begun) }
                failed = 0
                tellState()
                serve(connection)
            } catch {
                failed += 1
                failures.increment()
                for request in queue.withLock({ $0.connectFailed(at: Uptime.milliseconds, begunAt: begun) }) { request.complete(.failure(.away)) }
                tellState(error)
            }
        }
        finish()
    }

    /// Pauses after failures, and until the breaker lets a connection be tried.
    /// - Returns: the moment of the permission, in milliseconds; nil when the client was closed.
    private func awaitAdmission(afterFailures failed: Int) -> Int64? {
        if failed > 0 {
            let pause = Backoff(baseMilliseconds: 50, capMilliseconds: 2_000).delayMilliseconds(afterAttempt: failed, random: .random(in: 0...(.max)))
            if isClosed(within: pause) { return nil }
        }
        while true {
            let now = Uptime.milliseconds
            switch queue.withLock({ $0.isClosed ? nil : $0.admission(at: now) }) {
            case nil: return nil
            case .admitted?, .probe?: return now
            case .refused(let pause)?: if isClosed(within: pause) { return nil }
            }
        }
    }

    /// Waits, unless the client is closed.
    private func isClosed(within milliseconds: Int64) -> Bool {
        closing.wait(until: Uptime.now + UInt64(max(1, milliseconds)) * 1_000_000) { $0 ? true : nil } ?? false
    }

    /// Sends what waits over a connection until it is lost or the client is closed.
    private func serve(_ connection: RedisConnection) {
        enum Next {
            case work(RequestQueue.Work)
            case end
        }
        while true {
            let next: Next? = queue.wait(until: Uptime.now + Uptime.nanoseconds(RedisWorkers.idleTime)) { queue in
                queue.take(at: Uptime.now).map(Next.work) ?? (queue.isClosed ? .end : nil)
            }
            switch next {
            case .work(let work)?:
                for request in work.expired { request.complete(.failure(.timedOut)) }
                if !work.batch.isEmpty, !exchange(work.batch, connection) { return }
            case .end?:
                queue.withLock { $0.ended() }
                return tellState()
            case nil:
                // A server that went away while nothing was asked of it is found out before somebody does.
                let ping = RedisRequest(commands: [.plain("PING")], deadline: .max, isKept: false) { _ in }
                queue.withLock { $0.began(1) }
                if !exchange([ping], connection) { return }
            }
        }
    }

    /// Sends a batch and hands the replies out.
    /// - Returns: whether the connection can be used for another one.
    private func exchange(_ batch: [RedisRequest], _ connection: RedisConnection) -> Bool {
        let begun = Uptime.now
        let begunMilliseconds = Int64(begun / 1_000_000)
        do throws(RedisError) {
            let replies = try connection.exchange(batch.map(\.commands), until: begun + Uptime.nanoseconds(configuration.replyTimeout))
            roundTrip.recordNanoseconds(Int64(Uptime.now - begun))
            batchSize.record(batch.count)
            for (request, answer) in zip(batch, replies) { request.complete(.success(answer)) }
            queue.withLock { $0.finish(batch.count, at: Uptime.milliseconds, begunAt: begunMilliseconds) }
            return true
        } catch {
            failures.increment()
            for request in queue.withLock({ $0.lost(batch, at: Uptime.milliseconds, begunAt: begunMilliseconds) }) { request.complete(.failure(error)) }
            queue.wakeOne()
            tellState(error)
            return false
        }
    }

    private func finish() {
        let (isLast, waiters) = end.withLock { end in
            end.running -= 1
            return (end.running == 0, end.running == 0 ? end.waiters : [])
        }
        guard isLast else { return }
        for request in queue.withLock({ $0.removeAll() }) { request.complete(.failure(.closed)) }
        for waiter in waiters { waiter.resume() }
    }

    /// Says it once when Redis goes away, and once when it is back.
    private func tellState(_ error: RedisError? = nil) {
        let (isAway, connections, isClosed) = queue.withLock { ($0.isAway, $0.connections, $0.isClosed) }
        gauge.record(connections)
        let isNews = isKnownAway.withLock { known in
            defer { known = isAway }
            return known != isAway
        }
        guard isNews, !isClosed else { return }
        if isAway {
            logger.warning(
                "Redis is away; the databases answer instead", metadata: ["redis": "\(configuration.place)", "error": "\(error.map { "\($0)" } ?? "unknown")"])
        } else {
            logger.info("Redis is there again", metadata: ["redis": "\(configuration.place)"])
        }
    }
}
