import Dispatch
import Synchronization

/// Many runs and what they came to together.
public struct CampaignReport: Sendable {
    public internal(set) var runs = 0
    public internal(set) var accepted = 0
    public internal(set) var events = 0
    public internal(set) var steps = 0
    public internal(set) var lives = 0
    /// Virtual time of all runs, in milliseconds.
    public internal(set) var milliseconds: Int64 = 0
    public internal(set) var statuses: [String: Int] = [:]
    public internal(set) var faults: [FaultClass: Int] = [:]
    /// In how many runs each mark was hit.
    public internal(set) var marks: [Mark: Int] = [:]
    public internal(set) var deliveredTwice: Set<String> = []
    /// All trace hashes, combined in the order of the seeds.
    public internal(set) var traceHash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// The failing run with the lowest seed.
    public internal(set) var failure: SimulationOutcome?
    /// How many runs failed.
    public internal(set) var failures = 0

    /// What no run met, although all must be met for the runs to prove anything (promise M2).
    public func missed(of plan: SimulationPlan) -> [String] {
        guard plan.faults == Set(FaultClass.allCases) else { return [] }
        var missed = Mark.allCases.filter { marks[$0] == nil }.map(\.rawValue)
        missed += Simulation.eventTypes.filter { !deliveredTwice.contains($0) }.map { "\($0) delivered twice" }
        return missed
    }

    mutating func add(_ outcome: SimulationOutcome) {
        runs += 1
        accepted += outcome.accepted
        events += outcome.events
        steps += outcome.steps
        lives += outcome.lives
        milliseconds += outcome.milliseconds
        statuses.merge(outcome.statuses, uniquingKeysWith: +)
        faults.merge(outcome.faults, uniquingKeysWith: +)
        for mark in outcome.marks { marks[mark, default: 0] += 1 }
        deliveredTwice.formUnion(outcome.deliveredTwice)
        traceHash = (traceHash ^ outcome.traceHash) &* 0x100_0000_01b3
        guard !outcome.violations.isEmpty else { return }
        failures += 1
        if failure == nil { failure = outcome }
    }
}

extension Simulation {
    /// Runs seeds beside each other, each on a thread of its own, and adds them up in their order, so that the report does not depend on the machine.
    /// - Parameters:
    ///   - stopsAtFailure: whether seeds behind the first failing one are left out.
    ///   - progress: called after each run, from any thread.
    public static func campaign(
        seeds: ClosedRange<UInt64>, plan: SimulationPlan, threads: Int, stopsAtFailure: Bool = true, progress: @escaping @Sendable () -> Void = {}
    ) throws -> CampaignReport {
        struct State {
            var next: UInt64?
            var outcomes: [UInt64: SimulationOutcome] = [:]
            var report = CampaignReport()
            var reported: UInt64
            var error: (any Error)?
            var isStopped = false
        }
        let state = Mutex(State(next: seeds.lowerBound, reported: seeds.lowerBound))
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in
            while true {
                let seed: UInt64? = state.withLock { state in
                    guard !state.isStopped, state.error == nil, let seed = state.next else { return nil }
                    state.next = seed < seeds.upperBound ? seed + 1 : nil
                    return seed
                }
                guard let seed else { return }
                let result = Result { try run(seed: seed, plan: plan) }
                progress()
                state.withLock { state in
                    switch result {
                    case .failure(let error): state.error = error
                    case .success(let outcome):
                        state.outcomes[seed] = outcome
                        while !(stopsAtFailure && state.report.failure != nil), let outcome = state.outcomes.removeValue(forKey: state.reported) {
                            state.report.add(outcome)
                            state.reported += 1
                        }
                        if stopsAtFailure, state.report.failure != nil { state.isStopped = true }
                    }
                }
            }
        }
        return try state.withLock { state in
            if let error = state.error { throw error }
            return state.report
        }
    }
}
