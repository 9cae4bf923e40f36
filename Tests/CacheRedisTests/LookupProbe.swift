import Foundation
import Synchronization
import Testing

@testable import CacheRedis

/// Looks something up again and again on a thread of its own, and measures how long it takes: the tasks of other tests do not get in its way.
final class LookupProbe: Sendable {
    private struct State {
        var longest: Duration = .zero
        var count = 0
        var isOver = false
    }
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    init(_ client: RedisClient) {
        Thread { [self] in
            while !state.withLock({ $0.isOver }) {
                let begin = ContinuousClock.now
                let answered = DispatchSemaphore(value: 0)
                let deadline = Uptime.now + Uptime.nanoseconds(client.configuration.replyTimeout)
                client.offer(RedisRequest(commands: [.plain("GET", "probe")], deadline: deadline, isKept: false) { _ in answered.signal() })
                answered.wait()
                let elapsed = ContinuousClock.now - begin
                state.withLock { state in
                    state.longest = max(state.longest, elapsed)
                    state.count += 1
                }
                usleep(200)
            }
            ended.signal()
        }.start()
    }

    /// Lookups so far.
    var count: Int { state.withLock { $0.count } }

    /// Ends it.
    /// - Returns: the longest time that a lookup took.
    func end() -> Duration {
        state.withLock { $0.isOver = true }
        ended.wait()
        return state.withLock { $0.longest }
    }
}
