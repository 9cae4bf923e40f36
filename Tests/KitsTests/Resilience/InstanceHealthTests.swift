import Resilience
import Testing

@Suite("Health of an instance")
struct InstanceHealthTests {
    /// How an instance gets into each state; times are milliseconds.
    enum Setting: String, CaseIterable {
        case serving, servingAfterTwoFailures, ejected, due, onTrial, overdue

        /// The instance, and the time at which the input comes.
        func make() -> (health: InstanceHealth, now: Int64) {
            var health = InstanceHealth()
            if self == .serving { return (health, 100) }
            for time in 1...2 as ClosedRange<Int64> { _ = health.recordFailure(at: time, begunAt: time, mayEject: true) }
            if self == .servingAfterTwoFailures { return (health, 100) }
            _ = health.recordFailure(at: 3, begunAt: 3, mayEject: true)
            if self == .ejected { return (health, 5_002) }
            if self == .due { return (health, 5_003) }
            health.beginTrial(at: 5_003)
            return (health, self == .onTrial ? 5_100 : 10_003)
        }
    }

    enum Input: String, CaseIterable {
        case trial, success, failure, failureOfTheLast, lateSuccess, lateFailure

        func apply(to health: inout InstanceHealth, at now: Int64) -> String {
            switch self {
            case .trial: health.beginTrial(at: now)
            case .success: health.recordSuccess(at: now, begunAt: now)
            case .failure: return "\(health.recordFailure(at: now, begunAt: now, mayEject: true)) "
            case .failureOfTheLast: return "\(health.recordFailure(at: now, begunAt: now, mayEject: false)) "
            case .lateSuccess: health.recordSuccess(at: now, begunAt: 4)
            case .lateFailure: return "\(health.recordFailure(at: now, begunAt: 4, mayEject: true)) "
            }
            return ""
        }
    }

    @Test("answers every input in every state as its table says")
    func table() {
        var lines: [String] = []
        for setting in Setting.allCases {
            for input in Input.allCases {
                var (health, now) = setting.make()
                let answer = input.apply(to: &health, at: now)
                lines.append("\(setting) \(input): \(answer)\(health.standing(at: now))")
            }
        }
        let expected = """
            serving trial: serving
            serving success: serving
            serving failure: false serving
            serving failureOfTheLast: false serving
            serving lateSuccess: serving
            serving lateFailure: false serving
            servingAfterTwoFailures trial: serving
            servingAfterTwoFailures success: serving
            servingAfterTwoFailures failure: true ejected
            servingAfterTwoFailures failureOfTheLast: false serving
            servingAfterTwoFailures lateSuccess: serving
            servingAfterTwoFailures lateFailure: true ejected
            ejected trial: ejected
            ejected success: ejected
            ejected failure: false ejected
            ejected failureOfTheLast: false ejected
            ejected lateSuccess: ejected
            ejected lateFailure: false ejected
            due trial: onTrial
            due success: due(since: 5003)
            due failure: false due(since: 5003)
            due failureOfTheLast: false due(since: 5003)
            due lateSuccess: due(since: 5003)
            due lateFailure: false due(since: 5003)
            onTrial trial: onTrial
            onTrial success: serving
            onTrial failure: true ejected
            onTrial failureOfTheLast: true ejected
            onTrial lateSuccess: onTrial
            onTrial lateFailure: false onTrial
            overdue trial: onTrial
            overdue success: serving
            overdue failure: true ejected
            overdue failureOfTheLast: true ejected
            overdue lateSuccess: due(since: 10003)
            overdue lateFailure: false due(since: 10003)
            """
        #expect(lines.joined(separator: "\n") == expected)
    }

    @Test("each ejection in a row lasts twice as long, up to the cap, and long service begins anew")
    func growth() {
        var health = InstanceHealth(configuration: .init(failuresInARow: 1, baseMilliseconds: 10, capMilliseconds: 70))
        var now: Int64 = 0
        func length() -> Int64 {
            var end = now
            while health.standing(at: end) == .ejected { end += 1 }
            defer { now = end }
            return end - now
        }
        func isEjected() -> Bool { health.recordFailure(at: now, begunAt: now, mayEject: true) }
        var lengths: [Int64] = []
        #expect(isEjected())
        lengths.append(length())
        for _ in 0..<4 {
            health.beginTrial(at: now)
            #expect(isEjected())
            lengths.append(length())
        }
        #expect(lengths == [10, 20, 40, 70, 70])
        health.beginTrial(at: now)
        health.recordSuccess(at: now, begunAt: now)
        now += 69
        #expect(isEjected())
        #expect(length() == 70)
        health.beginTrial(at: now)
        health.recordSuccess(at: now, begunAt: now)
        now += 70
        #expect(isEjected())
        #expect(length() == 10)
    }
}
