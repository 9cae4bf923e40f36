import Messaging
import Resilience
import Synchronization
import Testing
import Wire

@testable import Platform

@Suite("Pressure on the entry")
struct PlatformPressureTests {
    /// A clock that stands still.
    private struct Still: WallClock {
        func now() -> Timestamp { Timestamp(milliseconds: 10_000_000) }
        func sleep(for duration: Duration) async throws {}
    }

    private func since(_ milliseconds: Int64) -> Timestamp { Still().now().advanced(byMilliseconds: -milliseconds) }
    private func make() -> PlatformPressure { PlatformPressure(clock: Still()) }

    @Test("in one process it is what waits in the feeds and at the provider; observers have twelve times as long")
    func embedded() {
        var pressure = make()
        pressure.jobs = { 5 }
        pressure.feeds = [
            .init(consumer: "orders") { (10, since(40)) }, .init(consumer: "payments") { (1, since(70)) }, .init(consumer: "inventory") { (0, nil) },
        ]
        #expect(pressure() == AdmissionControl.Pressure(pending: 16, delayMilliseconds: 70))
        pressure.observers = [{ (1_000, since(1_200)) }]
        #expect(pressure() == AdmissionControl.Pressure(pending: 16, delayMilliseconds: 100))
    }

    @Test("split, it is also what other processes have not come to, as the broker tells")
    func lag() {
        var pressure = make()
        pressure.feeds = [.init(consumer: "orders") { (10, nil) }]
        pressure.lag = { ["orders": 30, "inventory": 700, "payments": 2, "analytics": 9_999][$0] }
        #expect(pressure().pending == 732, "what this process has taken is not counted twice, and nobody waits for analytics")
        pressure.lag = { ["orders": 3][$0] }
        #expect(pressure().pending == 10, "what was told some seconds ago may be less than what is known here")
    }

    @Test("what waits before the broker counts at once when the broker works, and after a minute when it is away")
    func outbox() {
        let target = AdmissionControl.Configuration().targetMilliseconds
        let standstill = target * AdmissionControl.standstillFactor
        var pressure = make()
        func delay(_ age: Int64) -> Int64 {
            pressure.outboxes = [{ (2_000, since(age)) }]
            return pressure().delayMilliseconds
        }
        #expect(delay(250) <= target && delay(1_000) > target && delay(3_000) > standstill)
        #expect(pressure().pending == 2_000)
        pressure.isBrokerAway = { true }
        pressure.lag = { _ in 5_000 }
        #expect(delay(10_000) <= target && delay(50_000) <= standstill && delay(61_000) > standstill)
        #expect(pressure().pending == 0)
    }
}
