import Resilience
import Testing

@Suite("Retry budget")
struct RetryBudgetTests {
    @Test("a tenth of the requests may be made again, once what was saved is used up")
    func share() {
        var budget = RetryBudget(configuration: .init(percent: 10, perSecond: 0, capacity: 5))
        var retries = 0
        for _ in 0..<1_000 {
            budget.recordRequest(at: 0)
            if budget.takeRetry(at: 0) { retries += 1 }
        }
        // What does not fit into the full bucket at the beginning is lost.
        #expect((100...105).contains(retries))
    }

    @Test("who makes few requests has some retries a second all the same, and cannot save more than the capacity")
    func time() {
        var budget = RetryBudget(configuration: .init(percent: 0, perSecond: 2, capacity: 4))
        func isGranted(_ time: Int64) -> Bool { budget.takeRetry(at: time) }
        for _ in 0..<4 { #expect(isGranted(1_000)) }
        #expect(!isGranted(1_000))
        #expect(!isGranted(1_499))
        #expect(isGranted(1_500))
        #expect(!isGranted(1_500))
        budget.recordRequest(at: 1_000_000)
        #expect(budget.balance == 4)
    }

    @Test("there are never more retries than the capacity, the share and the seconds allow", arguments: 0..<20 as Range<UInt64>)
    func bound(seed: UInt64) {
        var random = Chance(state: seed)
        let configuration = RetryBudget.Configuration(
            percent: .random(in: 0...100, using: &random), perSecond: .random(in: 0...5, using: &random), capacity: .random(in: 1...20, using: &random))
        var budget = RetryBudget(configuration: configuration)
        var (requests, retries, time) = (0, 0, Int64(0))
        for _ in 0..<5_000 {
            time += .random(in: 0...20, using: &random)
            if Bool.random(using: &random) {
                budget.recordRequest(at: time)
                requests += 1
            } else if budget.takeRetry(at: time) {
                retries += 1
            }
            let allowed = configuration.capacity * 1_000 + requests * configuration.percent * 10 + Int(time) * configuration.perSecond
            #expect(retries * 1_000 <= allowed)
        }
    }

    @Test("no time and no configuration is a trap")
    func extremes() {
        var budget = RetryBudget(configuration: .init(percent: .max, perSecond: .max, capacity: .max))
        func isGranted(_ time: Int64) -> Bool { budget.takeRetry(at: time) }
        for time in [0, .max, .min, 0, .min, .max] as [Int64] {
            budget.recordRequest(at: time)
            #expect(isGranted(time))
        }
        var none = RetryBudget(configuration: .init(percent: -1, perSecond: -1, capacity: -1))
        let answers = [none.takeRetry(at: 0), none.takeRetry(at: .max)]
        #expect(answers == [true, false])
    }
}

/// SplitMix64: the same numbers for the same seed.
struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
