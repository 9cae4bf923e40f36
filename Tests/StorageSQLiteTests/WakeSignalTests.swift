import Dispatch
import Storage
import Testing

@Suite("Wake signal", .timeLimit(.minutes(1)))
struct WakeSignalTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("a moment of the monotonic clock ends a wait that nobody else ends, and not before it has come")
    func deadline() {
        let signal = WakeSignal()
        let due = DispatchTime.now().uptimeNanoseconds + 20_000_000
        signal.wait(until: due)
        #expect(DispatchTime.now().uptimeNanoseconds >= due)
        signal.wait(until: 0)
    }

    @Test("a signal ends a wait, also one that begins later, and only one")
    func signal() {
        let signal = WakeSignal()
        let never = DispatchTime.now().uptimeNanoseconds + 3_600 * WakeSignalTests.second
        signal.give()
        signal.give()
        signal.wait(until: never)
        let due = DispatchTime.now().uptimeNanoseconds + 20_000_000
        signal.wait(until: due)
        #expect(DispatchTime.now().uptimeNanoseconds >= due, "two signals that nobody waited for are one")
        DispatchQueue.global().async { signal.give() }
        signal.wait(until: never)
    }
}
