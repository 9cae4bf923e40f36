import Resilience
import Testing

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    /// How a breaker gets into each state; times are milliseconds.
    enum Setting: String, CaseIterable {
        case closed, closedWithFourFailures, open, openAndDue, halfOpen, halfOpenAndOverdue

        /// The breaker, and the time at which the input comes.
        func make() -> (breaker: CircuitBreaker, now: Int64) {
            var breaker = CircuitBreaker()
            if self == .closed { return (breaker, 1_000) }
            for time in 1...4 as ClosedRange<Int64> { breaker.recordFailure(at: time) }
            if self == .closedWithFourFailures { return (breaker, 1_000) }
            breaker.recordFailure(at: 5, begunAt: 5)
            if self == .open { return (breaker, 1_000) }
            if self == .openAndDue { return (breaker, 30_005) }
            _ = breaker.admission(at: 30_005)
            return (breaker, self == .halfOpen ? 31_000 : 60_005)
        }
    }

    enum Input: String, CaseIterable {
        case ask, success, failure, unknown, lateSuccess, lateFailure, lateUnknown

        func apply(to breaker: inout CircuitBreaker, at now: Int64) -> String {
            switch self {
            case .ask: return "\(breaker.admission(at: now)) "
            case .success: breaker.recordSuccess(at: now)
            case .failure: breaker.recordFailure(at: now)
            case .unknown: breaker.recordUnknown(at: now)
            case .lateUnknown: breaker.recordUnknown(at: now, begunAt: 4)
            case .lateSuccess: breaker.recordSuccess(at: now, begunAt: 4)
            case .lateFailure: breaker.recordFailure(at: now, begunAt: 4)
            }
            return ""
        }
    }

    @Test("answers every input in every state as its table says")
    func table() {
        var lines: [String] = []
        for setting in Setting.allCases {
            for input in Input.allCases {
                var (breaker, now) = setting.make()
                let answer = input.apply(to: &breaker, at: now)
                lines.append("\(setting) \(input): \(answer)\(breaker.state)")
            }
        }
        let expected = """
            closed ask: admitted closed
            closed success: closed
            closed failure: closed
            closed unknown: closed
            closed lateSuccess: closed
            closed lateFailure: closed
            closed lateUnknown: closed
            closedWithFourFailures ask: admitted closed
            closedWithFourFailures success: closed
            closedWithFourFailures failure: open
            closedWithFourFailures unknown: closed
            closedWithFourFailures lateSuccess: closed
            closedWithFourFailures lateFailure: open
            closedWithFourFailures lateUnknown: closed
            open ask: refused(retryAfterMilliseconds: 29005) open
            open success: open
            open failure: open
            open unknown: open
            open lateSuccess: open
            open lateFailure: open
            open lateUnknown: open
            openAndDue ask: probe halfOpen
            openAndDue success: open
            openAndDue failure: open
            openAndDue unknown: open
            openAndDue lateSuccess: open
            openAndDue lateFailure: open
            openAndDue lateUnknown: open
            halfOpen ask: refused(retryAfterMilliseconds: 1000) halfOpen
            halfOpen success: closed
            halfOpen failure: open
            halfOpen unknown: open
            halfOpen lateSuccess: halfOpen
            halfOpen lateFailure: halfOpen
            halfOpen lateUnknown: halfOpen
            halfOpenAndOverdue ask: probe halfOpen
            halfOpenAndOverdue success: closed
            halfOpenAndOverdue failure: open
            halfOpenAndOverdue unknown: open
            halfOpenAndOverdue lateSuccess: halfOpen
            halfOpenAndOverdue lateFailure: halfOpen
            halfOpenAndOverdue lateUnknown: halfOpen
            """
        #expect(lines.joined(separator: "\n") == expected)
    }

    @Test("counts a failure for less than 60 s")
    func window() {
        var breaker = CircuitBreaker()
        for time in [0, 20_000, 30_000, 40_000] as [Int64] { breaker.recordFailure(at: time) }
        var late = breaker
        breaker.recordFailure(at: 59_999)
        #expect(breaker.state == .open)
        late.recordFailure(at: 60_000)
        #expect(late.state == .closed)
        late.recordFailure(at: 60_001)
        #expect(late.state == .open)
    }

    @Test("lets exactly one probe through after 30 s, and counts from nothing once it succeeded")
    func probe() {
        var (breaker, _) = Setting.open.make()
        #expect(breaker.admission(at: 30_004) == .refused(retryAfterMilliseconds: 1))
        #expect(breaker.admission(at: 30_005) == .probe)
        #expect(breaker.admission(at: 30_005) == .refused(retryAfterMilliseconds: 1_000))
        breaker.recordSuccess(at: 30_100, begunAt: 30_005)
        for time in 1...4 as ClosedRange<Int64> { breaker.recordFailure(at: 30_100 + time, begunAt: 30_100 + time) }
        #expect(breaker.state == .closed)
        #expect(breaker.openings == 1)
    }

    @Test("opens for another 30 s when the probe fails")
    func failedProbe() {
        var (breaker, now) = Setting.halfOpen.make()
        breaker.recordFailure(at: now, begunAt: 30_005)
        #expect(breaker.admission(at: now + 1) == .refused(retryAfterMilliseconds: 29_999))
        #expect(breaker.admission(at: now + 30_000) == .probe)
        #expect(breaker.openings == 2)
    }

    @Test("a probe that shows nothing is followed by another at once")
    func unknownProbe() {
        var (breaker, now) = Setting.halfOpen.make()
        breaker.recordUnknown(at: now, begunAt: 30_005)
        #expect(breaker.admission(at: now) == .probe)
        #expect(breaker.openings == 1)
    }

    @Test("ignores failures of calls begun before it closed again")
    func lateFailuresAfterClosing() {
        var (breaker, now) = Setting.halfOpen.make()
        breaker.recordSuccess(at: now, begunAt: 30_005)
        for _ in 0..<10 { breaker.recordFailure(at: now + 1, begunAt: 4) }
        #expect(breaker.state == .closed)
    }

    @Test("takes any time, also one that goes back or cannot be added to")
    func extremeTimes() {
        var breaker = CircuitBreaker(configuration: .init(failureThreshold: 0, windowMilliseconds: .max, openMilliseconds: .max))
        for time in [Int64.max, .min, 0, .max] {
            _ = breaker.admission(at: time)
            breaker.recordFailure(at: time, begunAt: .min)
            breaker.recordSuccess(at: time, begunAt: .max)
        }
        #expect(CircuitBreaker.State.allCases.contains(breaker.state))
    }
}
