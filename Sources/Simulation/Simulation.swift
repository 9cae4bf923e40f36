import Contracts
import Wire

/// Runs the platform in a simulated world: `docs/simulation.md`.
public enum Simulation {
    /// The names of all events, sorted.
    static let eventTypes = EventCatalog.types.map { $0.type }.sorted()

    /// Runs one seed.
    /// - Parameter isRecording: whether the steps are kept as lines.
    public static func run(seed: UInt64, plan: SimulationPlan = SimulationPlan(), isRecording: Bool = false) throws -> SimulationOutcome {
        try World(seed: seed, plan: plan, tape: nil, isRecording: isRecording).run()
    }

    /// Repeats a run from its tape.
    static func run(seed: UInt64, plan: SimulationPlan, tape: [UInt32], isRecording: Bool = false) throws -> SimulationOutcome {
        try World(seed: seed, plan: plan, tape: tape, isRecording: isRecording).run()
    }
}
