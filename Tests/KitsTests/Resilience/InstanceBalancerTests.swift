import Resilience
import Testing

@Suite("Balancer over instances")
struct InstanceBalancerTests {
    private func balancer(_ count: Int) -> InstanceBalancer {
        InstanceBalancer(
            count: count,
            configuration: .init(health: .init(failuresInARow: 2, baseMilliseconds: 1_000, capMilliseconds: 8_000), busyMilliseconds: 100))
    }

    /// A call that is over at once.
    @discardableResult
    private func call(
        _ balancer: inout InstanceBalancer, _ outcome: InstanceBalancer.Outcome, at now: Int64, mayTry: Bool = true, after failed: Int? = nil
    ) -> InstanceBalancer.Choice {
        let choice = balancer.choose(.call, at: now, mayTry: mayTry, after: failed)
        balancer.record(outcome, of: choice, at: now)
        balancer.finish(choice)
        return choice
    }

    @Test("the one with the fewest calls in flight gets the next, and equals take turns")
    func least() {
        var balancer = balancer(3)
        #expect((0..<6).map { _ in call(&balancer, .success, at: 0).index } == [0, 1, 2, 0, 1, 2])
        let held = (0..<3).map { _ in balancer.choose(.call, at: 0, mayTry: true) }
        balancer.finish(held[1])
        #expect(balancer.choose(.call, at: 0, mayTry: true).index == held[1].index)
        #expect(balancer.inFlight(.call) == 3 && balancer.inFlight(.stream) == 0)
    }

    @Test("streams do not count against calls")
    func streams() {
        var balancer = balancer(2)
        for _ in 0..<10 { _ = balancer.choose(.stream, at: 0, mayTry: true) }
        #expect(Set((0..<2).map { _ in balancer.choose(.call, at: 0, mayTry: true).index }) == [0, 1])
        #expect(balancer.inFlight(.stream) == 10)
    }

    @Test("one that fails twice in a row is left out, tried by one call when it is due, and comes back")
    func ejection() {
        var balancer = balancer(2)
        // Instance 0 fails whatever it gets, instance 1 succeeds.
        for _ in 0..<4 {
            let choice = balancer.choose(.call, at: 0, mayTry: true)
            balancer.record(choice.index == 0 ? .failure : .success, of: choice, at: 0)
            balancer.finish(choice)
        }
        #expect(balancer.ejected == 1 && balancer.ejections == 1)
        for _ in 0..<20 { #expect(call(&balancer, .success, at: 999).index == 1) }
        // Due: the first call that may be repeated tries it; while it is out, the others do not.
        #expect(call(&balancer, .success, at: 1_000, mayTry: false).index == 1)
        let trial = balancer.choose(.call, at: 1_000, mayTry: true)
        #expect(trial.index == 0 && trial.isTrial)
        for _ in 0..<5 { #expect(call(&balancer, .success, at: 1_500).index == 1) }
        balancer.record(.success, of: trial, at: 1_600)
        balancer.finish(trial)
        #expect(balancer.ejected == 0)
        #expect(Set((0..<2).map { _ in call(&balancer, .success, at: 1_700).index }) == [0, 1])
    }

    @Test("calls that cannot be repeated try an instance when nobody else has for a while")
    func patience() {
        var balancer = balancer(2)
        for _ in 0..<4 {
            let choice = balancer.choose(.call, at: 0, mayTry: false)
            balancer.record(choice.index == 0 ? .failure : .success, of: choice, at: 0)
            balancer.finish(choice)
        }
        #expect(call(&balancer, .success, at: 1_999, mayTry: false).index == 1)
        #expect(call(&balancer, .success, at: 2_000, mayTry: false).isTrial)
    }

    @Test("the last one that serves is never ejected, however often it fails")
    func last() {
        var one = balancer(1)
        for _ in 0..<50 { #expect(call(&one, .failure, at: 0).index == 0) }
        #expect(one.ejected == 0)
        var three = balancer(3)
        for _ in 0..<300 { call(&three, .failure, at: 0) }
        #expect(three.ejected == 2 && three.ejections == 2)
    }

    @Test("one that says it is busy comes after the others for a moment, but is not left out when all are")
    func busy() {
        var balancer = balancer(2)
        let busy = call(&balancer, .busy, at: 0).index
        for _ in 0..<5 { #expect(call(&balancer, .success, at: 99).index != busy) }
        #expect(Set((0..<2).map { _ in call(&balancer, .success, at: 100).index }).count == 2)
        for _ in 0..<2 { call(&balancer, .busy, at: 200) }
        #expect(Set((0..<4).map { _ in call(&balancer, .busy, at: 200).index }) == [0, 1])
        #expect(balancer.ejected == 0)
    }

    @Test("a call that failed goes to another instance, or to the same one where there is no other")
    func repetition() {
        var two = balancer(2)
        for _ in 0..<2 {
            let first = call(&two, .unknown, at: 0)
            #expect(call(&two, .success, at: 0, after: first.index).index != first.index)
        }
        var one = balancer(1)
        #expect(call(&one, .success, at: 0, after: 0).index == 0)
    }

    @Test("whatever happens in whatever order, calls in flight add up and one instance serves", arguments: 0..<20 as Range<UInt64>)
    func anything(seed: UInt64) {
        var random = Chance(state: seed)
        var balancer = balancer(Int.random(in: 1...4, using: &random))
        var open: [InstanceBalancer.Choice] = []
        var now: Int64 = 0
        for _ in 0..<2_000 {
            now += .random(in: -5...400, using: &random)
            if Bool.random(using: &random) || open.isEmpty {
                open.append(
                    balancer.choose(
                        Bool.random(using: &random) ? .call : .stream, at: now, mayTry: Bool.random(using: &random),
                        after: Int.random(in: -1...4, using: &random)))
            } else {
                let choice = open.remove(at: .random(in: 0..<open.count, using: &random))
                let outcomes: [InstanceBalancer.Outcome] = [.success, .failure, .failure, .failure, .busy, .unknown]
                balancer.record(outcomes[.random(in: 0..<outcomes.count, using: &random)], of: choice, at: now)
                balancer.finish(choice)
            }
            #expect(balancer.inFlight(.call) + balancer.inFlight(.stream) == open.count)
            #expect(balancer.ejected < balancer.count)
        }
        _ = balancer.choose(.call, at: .max, mayTry: true)
        _ = balancer.choose(.call, at: .min, mayTry: true)
    }
}
