import Resilience
import Synchronization
import Testing

@testable import Gateway

@Suite("Admission gate")
struct AdmissionGateTests {
    @Test("what works behind the gate is told while somebody was refused during the last half second")
    func strain() {
        let now = Mutex<Int64>(0)
        let told = Mutex<[Bool]>([])
        let gate = AdmissionGate(
            configuration: .init(maximumStarting: 1), pressure: { .init() }, strain: { isStrained in told.withLock { $0.append(isStrained) } },
            milliseconds: { now.withLock { $0 } })
        func enter(_ kind: AdmissionControl.Kind, at time: Int64) -> Bool {
            now.withLock { $0 = time }
            if case .success = gate.enter(kind) { return true }
            return false
        }
        #expect(enter(.starting, at: 0))
        #expect(!enter(.starting, at: 10), "one is all that may be answered at a time")
        #expect(told.withLock { $0 } == [false, false], "the refusal comes after the look")
        for time in [20, 519, 521] as [Int64] { #expect(enter(.other, at: time)) }
        #expect(told.withLock { $0 } == [false, false, true, true, false])
    }
}
