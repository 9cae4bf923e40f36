import Resilience
import Testing

@Suite("Backoff")
struct BackoffTests {
    @Test("doubles the longest wait up to the cap")
    func ceilings() {
        let backoff = Backoff(baseMilliseconds: 100, capMilliseconds: 1_000)
        #expect(
            [-1, 0, 1, 2, 3, 4, 5, 6, 62, 63, 64, 65, .max].map { backoff.ceilingMilliseconds(afterAttempt: $0) }
                == [100, 100, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000])
    }

    @Test("never overflows", arguments: [1, 2, 62, 63, 64, .max])
    func noOverflow(attempt: Int) {
        let backoff = Backoff(baseMilliseconds: .max, capMilliseconds: .max)
        #expect(backoff.delayMilliseconds(afterAttempt: attempt, random: .max) == .max)
    }

    @Test("spreads the wait over everything between 0 and the ceiling")
    func fullJitter() {
        let backoff = Backoff(baseMilliseconds: 3, capMilliseconds: 3)
        let quarters: [UInt64] = [0, .max / 4 + 1, .max / 2 + 1, .max / 4 * 3 + 3, .max]
        #expect(quarters.map { backoff.delayMilliseconds(afterAttempt: 1, random: $0) } == [0, 1, 2, 3, 3])
    }

    @Test("corrects limits that make no sense")
    func limits() {
        let backoff = Backoff(baseMilliseconds: -5, capMilliseconds: -7)
        #expect(backoff.baseMilliseconds == 1)
        #expect(backoff.capMilliseconds == 1)
    }

    @Test("retries an event after 1 s, 2 s and 4 s, then gives up")
    func schedule() {
        let schedule = RetrySchedule.eventConsumer
        #expect([0, 1, 2, 3, 4, .max].map { schedule.delayMilliseconds(afterAttempt: $0) } == [1_000, 1_000, 2_000, 4_000, nil, nil])
        #expect(schedule.retries == 3)
        #expect(RetrySchedule.never.delayMilliseconds(afterAttempt: 1) == nil)
        #expect(RetrySchedule(delaysMilliseconds: [-1]).delayMilliseconds(afterAttempt: 1) == 0)
    }
}
