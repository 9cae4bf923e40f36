import Testing

@testable import Messaging

@Suite("Pace of rounds")
struct PaceTests {
    private let start = ContinuousClock.now

    @Test("lets rounds begin an interval apart while there is more to do, and at once after a rest")
    func rounds() {
        var pace = Pace(.milliseconds(20))
        let pauses = [0, 5, 25, 100, 200].map { pace.pause(at: start + .milliseconds($0)) }
        // The second begins at 20 and the third at 40; the others long after that.
        #expect(pauses == [.zero, .milliseconds(15), .milliseconds(15), .zero, .zero])
    }

    @Test("does not hold up what a round has left behind")
    func hurry() {
        var pace = Pace(.milliseconds(20))
        _ = pace.pause(at: start)
        pace.hurry()
        let pause = pace.pause(at: start + .milliseconds(1))
        #expect(pause == .zero)
    }

    @Test("waits for nothing without an interval")
    func none() {
        var pace = Pace(.zero)
        let pauses = (0..<3).map { pace.pause(at: start + .milliseconds($0)) }
        #expect(pauses == [.zero, .zero, .zero])
    }
}
