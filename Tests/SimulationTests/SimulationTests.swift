import Testing

@testable import Simulation

@Suite("Simulation")
struct SimulationTests {
    @Test("a run without faults settles every order")
    func calm() throws {
        var plan = SimulationPlan()
        plan.faults = []
        let outcome = try Simulation.run(seed: 1, plan: plan, isRecording: true)
        for line in outcome.lines { print(line) }
        #expect(outcome.violations.isEmpty)
        #expect(outcome.accepted > 5)
    }
}
