import Resilience
import Testing

@Suite("Admission control")
struct AdmissionControlTests {
    private func control(starting: Int = 1000, other: Int = 1000, limits: ClosedRange<Int> = 10...110) -> AdmissionControl {
        AdmissionControl(
            configuration: .init(maximumStarting: starting, maximumOther: other, limits: limits, targetMilliseconds: 100, intervalMilliseconds: 50))
    }

    @Test("while there is little to do, everything is let in and the limit stays")
    func idle() {
        var control = control()
        for now in Int64(0)..<1000 {
            control.observe(.init(pending: 20, delayMilliseconds: 5), at: now)
            #expect(control.enter(.starting) == nil)
            #expect(control.enter(.other) == nil)
            control.leave(.starting, after: 5)
            control.leave(.other, after: 500)
        }
        #expect(control.limit == 60 && control.starting == 0 && control.other == 0)
    }

    @Test("what is being answered and what is pending count together")
    func backlog() {
        var control = control()
        control.observe(.init(pending: 58), at: 0)
        #expect(control.enter(.starting) == nil)
        #expect(control.enter(.starting) == nil)
        #expect(control.enter(.starting) == .backlog)
        #expect(control.enter(.other) == nil, "a reader is not refused for the backlog's sake")
        control.leave(.starting, after: 1)
        #expect(control.enter(.starting) == nil)
        control.observe(.init(pending: 200), at: 1)
        #expect(control.refusal(of: .starting) == .backlog && control.refusal(of: .other) == nil)
    }

    @Test("each kind has a bound of its own")
    func inFlight() {
        var control = control(starting: 2, other: 3)
        #expect((0..<3).map { _ in control.enter(.starting) } == [nil, nil, .inFlight])
        #expect((0..<4).map { _ in control.enter(.other) } == [nil, nil, nil, .inFlight])
        control.leave(.other, after: 0)
        #expect(control.enter(.other) == nil && control.enter(.starting) == .inFlight)
    }

    @Test("a burst leaves the limit alone; a standing queue lowers it, once an interval, down to the least")
    func standingQueue() {
        var control = control()
        for now in stride(from: Int64(0), through: 500, by: 10) {
            control.observe(.init(pending: 20, delayMilliseconds: now % 50 == 0 ? 10 : 400), at: now)
        }
        #expect(control.limit == 60)
        var limits: [Int] = []
        for now in stride(from: Int64(550), through: 1600, by: 10) {
            control.observe(.init(pending: 60, delayMilliseconds: 150), at: now)
            if limits.last != control.limit { limits.append(control.limit) }
        }
        #expect(limits.starts(with: [48, 39, 32]), "\(limits)")
        #expect(limits.last == 10)
    }

    @Test("a limit far above the backlog comes down to the backlog, because it is the backlog that waits")
    func farAbove() {
        var control = control(limits: 10...1000)
        for now: Int64 in [0, 50] { control.observe(.init(pending: 100, delayMilliseconds: 150), at: now) }
        #expect(control.limit == 80)
    }

    @Test("slow answers lower the limit as well: the queue may stand before the commit")
    func slowAnswers() {
        var control = control()
        control.observe(.init(pending: 60), at: 0)
        control.leave(.starting, after: 200)
        control.leave(.starting, after: 101)
        control.observe(.init(pending: 60), at: 50)
        #expect(control.limit == 48)
        control.leave(.starting, after: 100)
        control.leave(.starting, after: 200)
        control.observe(.init(pending: 60), at: 100)
        #expect(control.limit > 48)
    }

    @Test("when the queue moves again the limit rises step by step, only while it is needed, and not above the most")
    func recovery() {
        var control = control()
        for now in stride(from: Int64(0), through: 2000, by: 50) { control.observe(.init(pending: 60, delayMilliseconds: 150), at: now) }
        #expect(control.limit == 10)
        for now in stride(from: Int64(2050), through: 2300, by: 50) { control.observe(.init(pending: 3, delayMilliseconds: 1), at: now) }
        #expect(control.limit == 12, "the interval that began with a backlog is the last to raise it")
        var last = control.limit
        for now in stride(from: Int64(2350), through: 12_000, by: 50) {
            control.observe(.init(pending: control.limit, delayMilliseconds: 1), at: now)
            #expect(control.limit - last <= 2 && control.limit >= last)
            last = control.limit
        }
        #expect(control.limit == 110)
    }

    @Test("when accepted work stands still, nothing new comes in, whatever the limit")
    func standstill() {
        var control = control()
        control.observe(.init(pending: 1, delayMilliseconds: 501), at: 0)
        #expect(control.enter(.starting) == .delay && control.enter(.other) == nil)
        control.observe(.init(pending: 1, delayMilliseconds: 500), at: 1)
        #expect(control.enter(.starting) == nil)
    }

    /// A platform with a fixed capacity, one millisecond a step, and a client who asks for a multiple of it.
    @Test("at many times the capacity the platform stays busy and the wait near the target", arguments: [2, 5, 20])
    func overload(times: Int) {
        let capacity = 3
        var control = AdmissionControl()
        var (queue, done, longest): ([Int64], Int, Int64) = ([], 0, 0)
        for now in Int64(0)..<20_000 {
            control.observe(.init(pending: queue.count, delayMilliseconds: queue.first.map { now - $0 } ?? 0), at: now)
            for _ in 0..<capacity * times where control.enter(.starting) == nil {
                control.leave(.starting, after: 1)
                queue.append(now)
                control.observe(.init(pending: queue.count, delayMilliseconds: queue.first.map { now - $0 } ?? 0), at: now)
            }
            let finished = queue.prefix(capacity)
            if now >= 5000 {
                done += finished.count
                longest = max(longest, finished.first.map { now - $0 } ?? 0)
            }
            queue.removeFirst(finished.count)
        }
        #expect(done == 15_000 * capacity)
        #expect(longest <= 500, "\(longest)")
    }

    @Test("at half the capacity nobody is refused, though the platform stops for a moment")
    func half() {
        var control = AdmissionControl()
        var queue: [Int64] = []
        var refused = 0
        for now in Int64(0)..<10_000 {
            control.observe(.init(pending: queue.count, delayMilliseconds: queue.first.map { now - $0 } ?? 0), at: now)
            if control.enter(.starting) != nil { refused += 1 } else { queue.append(now) }
            control.leave(.starting, after: 1)
            if now % 1000 >= 300 { queue.removeFirst(min(3, queue.count)) }
        }
        #expect(refused == 0)
    }

    @Test("corrects limits that make no sense, and times at the end of time")
    func limits() {
        let configuration = AdmissionControl.Configuration(
            maximumStarting: 0, maximumOther: -1, limits: -5...0, targetMilliseconds: 0, intervalMilliseconds: 0)
        #expect(configuration.maximumStarting == 1 && configuration.maximumOther == 1 && configuration.limits == 1...1)
        #expect(configuration.targetMilliseconds == 1 && configuration.intervalMilliseconds == 1)
        var control = AdmissionControl(configuration: configuration)
        control.observe(.init(), at: .max)
        control.observe(.init(), at: .max)
        control.leave(.starting, after: 0)
        #expect(control.starting == 0 && control.enter(.starting) == nil)
    }
}
