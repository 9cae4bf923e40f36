import Resilience
import Testing

@testable import CacheRedis

@Suite("The line before Redis")
struct RequestQueueTests {
    private func queue(waiting: Int = 10, batch: Int = 4) -> RequestQueue {
        var configuration = RedisConfiguration()
        (configuration.maximumWaiting, configuration.maximumBatch) = (waiting, batch)
        configuration.breaker = .init(failureThreshold: 2, windowMilliseconds: 10_000, openMilliseconds: 1_000)
        return RequestQueue(configuration)
    }

    /// A request that is known by its only word.
    private func request(_ name: Int, deadline: UInt64 = .max, isKept: Bool = false, size: Int = 1) -> RedisRequest {
        RedisRequest(commands: [.plain(.integer(Int64(name)), .bytes(Array(repeating: 0, count: size)))], deadline: deadline, isKept: isKept) { _ in }
    }

    private func names(_ requests: [RedisRequest]) -> [Int] {
        requests.compactMap { request in
            guard case .plain(let words)? = request.commands.first, case .text(let text)? = words.first else { return nil }
            return Int(text)
        }
    }

    @Test("without a connection only what is kept may wait")
    func away() {
        var queue = queue()
        #expect(queue.submit(request(1)) == .away)
        #expect(queue.submit(request(2, isKept: true)) == nil)
        queue.connected(at: 0, begunAt: 0)
        #expect(queue.submit(request(3)) == nil)
        #expect(names(queue.take(at: 0)?.batch ?? []) == [2, 3])
        #expect(queue.take(at: 0) == nil)
        #expect(!queue.isIdle)
        queue.finish(2, at: 0, begunAt: 0)
        #expect(queue.isIdle)
    }

    @Test("the line, a batch and its bytes have bounds")
    func bounds() {
        var queue = queue()
        queue.connected(at: 0, begunAt: 0)
        for index in 0..<10 { #expect(queue.submit(request(index)) == nil) }
        #expect(queue.submit(request(10)) == .overloaded)
        #expect(names(queue.take(at: 0)?.batch ?? []) == [0, 1, 2, 3])
        #expect(queue.submit(request(10, size: 1 << 20)) == nil)
        #expect(names(queue.take(at: 0)?.batch ?? []) == [4, 5, 6, 7])
        #expect(queue.submit(request(11)) == nil)
        #expect(names(queue.take(at: 0)?.batch ?? []) == [8, 9, 10])
        #expect(names(queue.take(at: 0)?.batch ?? []) == [11])
    }

    @Test("what has waited for too long is not sent")
    func expiry() {
        var queue = queue()
        queue.connected(at: 0, begunAt: 0)
        _ = queue.submit(request(1, deadline: 5))
        _ = queue.submit(request(2, deadline: 6))
        let work = queue.take(at: 5)
        #expect(names(work?.expired ?? []) == [1])
        #expect(names(work?.batch ?? []) == [2])
    }

    @Test("a lost connection refuses what only waits, once it was the last, and keeps what is kept in front")
    func lost() {
        var queue = queue()
        queue.connected(at: 0, begunAt: 0)
        queue.connected(at: 0, begunAt: 0)
        for index in 0..<6 { _ = queue.submit(request(index, isKept: index % 2 == 1)) }
        let batch = queue.take(at: 0)?.batch ?? []
        #expect(names(queue.lost(batch, at: 0, begunAt: 0)) == [0, 2])
        #expect(!queue.isAway)
        let second = queue.take(at: 0)?.batch ?? []
        #expect(names(second) == [1, 3, 4, 5])
        _ = queue.submit(request(6))
        #expect(names(queue.lost(second, at: 0, begunAt: 0)) == [4, 6])
        #expect(queue.isAway)
        queue.connected(at: 2_000, begunAt: 2_000)
        #expect(queue.waitingCount == 3)
    }

    @Test("kept requests that find no room are told so")
    func noRoom() {
        var queue = queue(waiting: 4)
        queue.connected(at: 0, begunAt: 0)
        for index in 0..<4 { _ = queue.submit(request(index, isKept: true)) }
        let batch = queue.take(at: 0)?.batch ?? []
        for index in 4..<7 { _ = queue.submit(request(index, isKept: true)) }
        #expect(names(queue.lost(batch, at: 0, begunAt: 0)) == [1, 2, 3])
        #expect(queue.waitingCount == 4)
    }

    @Test("failures open the breaker, and a connection as its probe closes it")
    func breaker() {
        var queue = queue()
        #expect(queue.admission(at: 0) == .admitted)
        #expect(queue.connectFailed(at: 0, begunAt: 0).isEmpty)
        #expect(queue.admission(at: 10) == .admitted)
        _ = queue.connectFailed(at: 10, begunAt: 10)
        #expect(queue.admission(at: 20) == .refused(retryAfterMilliseconds: 990))
        #expect(queue.admission(at: 1_010) == .probe)
        queue.connected(at: 1_020, begunAt: 1_010)
        #expect(!queue.isAway)
        #expect(queue.submit(request(1)) == nil)
    }

    @Test("a closed line takes nobody, and serves who waits as long as somebody serves")
    func closing() {
        var queue = queue()
        queue.connected(at: 0, begunAt: 0)
        _ = queue.submit(request(1))
        #expect(queue.close().isEmpty)
        #expect(queue.submit(request(2, isKept: true)) == .closed)
        let batch = queue.take(at: 0)?.batch ?? []
        #expect(names(batch) == [1])
        queue.finish(1, at: 0, begunAt: 0)
        queue.ended()
        #expect(queue.connections == 0)
        var alone = self.queue()
        _ = alone.submit(request(1, isKept: true))
        #expect(names(alone.close()) == [1])
    }
}
