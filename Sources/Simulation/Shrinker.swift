/// Looks for a smaller run that breaks the same promise: fewer orders, fewer kinds of trouble, a shorter tape, smaller numbers.
struct Shrinker {
    private let promise: String
    private let isOver: () -> Bool
    private(set) var plan: SimulationPlan
    private(set) var best: SimulationOutcome
    /// Runs tried.
    private(set) var tried = 0

    /// - Parameter isOver: asked before each try; true ends the search with what there is.
    init(_ outcome: SimulationOutcome, plan: SimulationPlan, isOver: @escaping () -> Bool) {
        (best, self.plan, self.isOver) = (outcome, plan, isOver)
        promise = outcome.violations.first?.promise ?? ""
    }

    /// The smallest run found, with its lines.
    mutating func shrink() throws -> SimulationOutcome {
        try dropOrders()
        try dropFaults()
        try cutTail()
        for size in [256, 64, 16, 4, 1] {
            try eachBlock(size) { tape, range in tape.removeSubrange(range) }
            try eachBlock(size) { tape, range in tape.replaceSubrange(range, with: Array(repeating: 0, count: range.count)) }
        }
        try eachBlock(1) { tape, range in tape[range.lowerBound] /= 2 }
        try cutTail()
        return try Simulation.run(seed: best.seed, plan: plan, tape: best.tape, isRecording: true)
    }

    private mutating func attempt(_ plan: SimulationPlan, _ tape: [UInt32]?) throws -> Bool {
        guard !isOver() else { return false }
        tried += 1
        let outcome = try tape.map { try Simulation.run(seed: best.seed, plan: plan, tape: $0) } ?? Simulation.run(seed: best.seed, plan: plan)
        guard outcome.violations.first?.promise == promise else { return false }
        self.plan = plan
        best = outcome
        return true
    }

    private mutating func dropOrders() throws {
        var plan = self.plan
        for orders in 1..<max(2, plan.orders) {
            plan.orders = orders
            if try attempt(plan, best.tape) || attempt(plan, nil) { return }
        }
    }

    private mutating func dropFaults() throws {
        for fault in plan.faults.sorted() {
            var plan = self.plan
            plan.faults.remove(fault)
            if try !attempt(plan, best.tape) { _ = try attempt(plan, nil) }
        }
    }

    /// The shortest beginning of the tape that is enough.
    private mutating func cutTail() throws {
        var (enough, tooShort) = (best.tape.count, -1)
        let tape = best.tape
        while enough - tooShort > 1, !isOver() {
            let middle = (enough + tooShort) / 2
            if try attempt(plan, Array(tape.prefix(middle))) { enough = middle } else { tooShort = middle }
        }
        // A run takes tame choices behind the end of its tape; they say nothing.
        while best.tape.last == 0, try attempt(plan, Array(best.tape.prefix(best.tape.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0))) {
            if best.tape.count <= enough { break }
        }
    }

    private mutating func eachBlock(_ size: Int, _ change: (inout [UInt32], Range<Int>) -> Void) throws {
        var end = best.tape.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        while end > 0, !isOver() {
            let range = max(0, end - size)..<min(end, best.tape.count)
            end -= size
            guard !range.isEmpty, best.tape[range].contains(where: { $0 != 0 }) else { continue }
            var tape = best.tape
            change(&tape, range)
            _ = try attempt(plan, tape)
        }
    }
}

extension Simulation {
    /// A smaller run that breaks the same promise as a failing one, recorded, and the plan it runs under.
    public static func shrink(
        _ outcome: SimulationOutcome, plan: SimulationPlan, isOver: @escaping () -> Bool
    ) throws -> (outcome: SimulationOutcome, plan: SimulationPlan, tried: Int) {
        var shrinker = Shrinker(outcome, plan: plan, isOver: isOver)
        let smallest = try shrinker.shrink()
        return (smallest, shrinker.plan, shrinker.tried)
    }
}
