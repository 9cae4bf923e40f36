/// What a run is made of; with a seed or a tape it decides the run completely.
public struct SimulationPlan: Sendable {
    /// Orders that customers place.
    public var orders = 12
    /// Products on sale; few, so that they are fought over.
    public var products = 3
    /// What may go wrong.
    public var faults: Set<FaultClass> = Set(FaultClass.allCases)
    /// A bug planted on purpose, for tests of the simulation itself.
    public var mutant: Mutant?
    /// Steps after which a run is healed, whatever it is doing.
    public var maximumSteps = 20_000

    public init() {}
}

/// A promise that a run found broken.
public struct Violation: Sendable, Equatable {
    /// The promise's name, as RELIABILITY numbers them: S1 to S17, L1, L2.
    public let promise: String
    /// What contradicts it.
    public let detail: String
}

/// What a run came to.
public struct SimulationOutcome: Sendable {
    public let seed: UInt64
    public internal(set) var violations: [Violation] = []
    public internal(set) var marks: Set<Mark> = []
    /// How often each fault happened.
    public internal(set) var faults: [FaultClass: Int] = [:]
    /// Event types that were delivered more than once.
    public internal(set) var deliveredTwice: Set<String> = []
    /// Orders that a client was told are accepted.
    public internal(set) var accepted = 0
    /// Orders by their last status.
    public internal(set) var statuses: [String: Int] = [:]
    public internal(set) var events = 0
    public internal(set) var steps = 0
    /// How often the process was started.
    public internal(set) var lives = 0
    /// Virtual milliseconds from the beginning to rest.
    public internal(set) var milliseconds: Int64 = 0
    /// The same for the same seed and plan, in every process.
    public internal(set) var traceHash: UInt64 = 0
    /// The steps as people read them, where they were recorded.
    public internal(set) var lines: [String] = []
    /// The decisions taken, from which the run can be repeated.
    public internal(set) var tape: [UInt32] = []
}
