import Testing

@testable import Simulation

@Suite("Simulation")
struct SimulationTests {
    @Test("a run without faults settles every order and breaks no promise")
    func calm() throws {
        var plan = SimulationPlan()
        plan.faults = []
        for seed in 1...5 as ClosedRange<UInt64> {
            let outcome = try Simulation.run(seed: seed, plan: plan)
            #expect(outcome.violations.isEmpty, "seed \(seed): \(outcome.violations)")
            #expect(outcome.accepted > 2 && outcome.lives == 1)
            #expect(outcome.statuses.values.reduce(0, +) == outcome.accepted)
            #expect(outcome.statuses["CREATED"] == nil && outcome.statuses["CANCELLING"] == nil)
        }
    }

    @Test("runs full of faults break no promise, and are full of faults")
    func stormy() throws {
        let report = try Simulation.campaign(seeds: 1...60, plan: SimulationPlan(), threads: 2)
        let failure = report.failure
        #expect(failure == nil, "seed \(failure?.seed ?? 0): \(failure?.violations ?? [])")
        #expect(report.runs == 60 && report.accepted > 200 && report.lives > 200)
        for fault in FaultClass.allCases { #expect(report.faults[fault, default: 0] > 0, "\(fault) never happened") }
        #expect(report.marks.count >= 15, "hit: \(report.marks.keys.sorted())")
    }

    @Test("nothing of a run outlives it, however often its process died")
    func memory() throws {
        for seed in 1...12 as ClosedRange<UInt64> {
            weak var left: World?
            var lives = 0
            do {
                let world = try World(seed: seed, plan: SimulationPlan(), tape: nil, isRecording: false)
                left = world
                lives = world.run().lives
            }
            #expect(left == nil, "seed \(seed), \(lives) lives")
        }
    }

    @Test("no life of a process outlives the run")
    func lives() throws {
        weak var left: SimulatedProcess?
        do {
            let world = try World(seed: 3, plan: SimulationPlan(), tape: nil, isRecording: false)
            world.startProcess()
            world.executor.drain()
            left = world.process
            #expect(left?.isAlive == true)
            world.kill()
            world.end()
        }
        #expect(left == nil)
    }

    @Test("the same seed gives the same run, and so does its tape; another seed gives another")
    func determinism() throws {
        let plan = SimulationPlan()
        let first = try Simulation.run(seed: 7, plan: plan, isRecording: true)
        let second = try Simulation.run(seed: 7, plan: plan, isRecording: true)
        #expect(first.lines == second.lines)
        #expect(first.traceHash == second.traceHash && first.tape == second.tape)
        let replayed = try Simulation.run(seed: 7, plan: plan, tape: first.tape)
        #expect(replayed.traceHash == first.traceHash)
        #expect(try Simulation.run(seed: 8, plan: plan).traceHash != first.traceHash)
        // Threads do not change what a campaign finds.
        let alone = try Simulation.campaign(seeds: 20...27, plan: plan, threads: 1)
        let together = try Simulation.campaign(seeds: 20...27, plan: plan, threads: 4)
        #expect(alone.traceHash == together.traceHash && alone.events == together.events)
    }

    @Test("every planted bug is caught within 2,000 seeds", arguments: Mutant.allCases)
    func mutants(_ mutant: Mutant) throws {
        var plan = SimulationPlan()
        plan.mutant = mutant
        let report = try Simulation.campaign(seeds: 1...2000, plan: plan, threads: 2)
        let failure = try #require(report.failure, "\(mutant.rawValue) went unnoticed")
        print("\(mutant.rawValue): seed \(failure.seed), \(failure.violations.first.map { "\($0.promise): \($0.detail)" } ?? "")")
    }

    @Test("a failing run is shrunk to a smaller one that breaks the same promise")
    func shrinking() throws {
        var plan = SimulationPlan()
        plan.mutant = .holdFreedByInventory
        let failure = try #require(try Simulation.campaign(seeds: 1...50, plan: plan, threads: 2).failure)
        var tries = 0
        let (smallest, smaller, _) = try Simulation.shrink(failure, plan: plan) {
            tries += 1
            return tries > 150
        }
        #expect(smallest.violations.first?.promise == failure.violations.first?.promise)
        #expect(smaller.orders < plan.orders && smaller.faults.count < plan.faults.count)
        #expect(smallest.tape.count < failure.tape.count && smallest.steps < failure.steps)
        #expect(smallest.lines.contains { $0.contains("VIOLATION") })
    }

    @Test("a set of runs that never met a danger proves nothing")
    func marks() throws {
        let few = try Simulation.campaign(seeds: 1...2, plan: SimulationPlan(), threads: 1)
        #expect(!few.missed(of: SimulationPlan()).isEmpty)
        var calm = SimulationPlan()
        calm.faults = []
        #expect(few.missed(of: calm).isEmpty, "without faults there is nothing to meet")
    }
}
