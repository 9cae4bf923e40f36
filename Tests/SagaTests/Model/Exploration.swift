import Inventory

/// Every state that one order, or two that share a product, can come to, breadth first, so that the first broken promise is met by a shortest way.
final class Exploration {
    let graph: CourseGraph
    let orderCount: Int
    let stock: Int
    /// Steps taken, also those that lead to known states.
    private(set) var steps = 0
    /// States in which nothing is under way and every order is settled or not placed.
    private(set) var settled = 0
    /// The first broken promise; nil when all are kept.
    private(set) var violation: Violation?
    /// The first state in which an order was refused because the other holds the last unit; nil if none was met.
    private(set) var contested: Int?

    /// A broken promise, and the state that breaks it.
    struct Violation {
        let state: Int
        let promise: String
    }

    /// Deliveries of an event that its listener had already: refused by the inbox, in every state.
    private(set) var refusedDeliveries = 0

    let states = StateStore()

    var stateCount: Int { states.count }

    /// - Parameter limit: the exploration gives up after so many states, before it takes all memory.
    init(_ graph: CourseGraph, orders: Int, stock: Int, limit: Int = 60_000_000) {
        (self.graph, orderCount, self.stock) = (graph, orders, stock)
        _ = states.add(SharedStock(stock: stock).key(orders), from: 0, by: 0)
        var next = 0
        while next < states.count, violation == nil, states.count < limit {
            let state = SharedStock(key: states.key(next))
            if isSettled(state) { settled += 1 }
            expand(state, next, state.first, slot: 0)
            if orderCount > 1 { expand(state, next, state.second, slot: 1) }
            next += 1
        }
        if next < states.count, violation == nil { violation = Violation(state: next, promise: "the exploration ended after \(limit) states") }
    }

    func isSettled(_ state: SharedStock) -> Bool {
        graph.facts[state.first].isSettled && (orderCount == 1 || graph.facts[state.second].isSettled)
    }

    /// Takes every step that one of the orders can take.
    private func expand(_ state: SharedStock, _ number: Int, _ course: Int, slot: Int) {
        let range = graph.edges(of: course)
        refusedDeliveries += graph.refused[course]
        graph.edges.withUnsafeBufferPointer { buffer in
            guard let edges = buffer.baseAddress else { return }
            for place in range where edges[place].isPossible(state.available) {
                let edge = edges[place]
                steps += 1
                var next = state
                if slot == 0 { next.first = Int(edge.target) } else { next.second = Int(edge.target) }
                if edge.effect != 0 { next.apply(Int(edge.effect)) }
                let isNew = states.add(next.key(orderCount), from: number, by: UInt16(slot << 15 | (place - range.lowerBound)))
                if edge.needsStock == 2, contested == nil, orderCount > 1, isHeld(slot == 0 ? state.second : state.first) {
                    contested = states.number(of: next.key(orderCount))
                }
                if isNew || edge.breaksPromise { examine(next, after: edge, of: course) }
            }
        }
    }

    private func isHeld(_ course: Int) -> Bool { graph.facts[course].reservation == .held }

    private func examine(_ state: SharedStock, after edge: CourseGraph.Edge, of course: Int) {
        guard violation == nil, let promise = fault(of: state) ?? fault(of: edge, course) else { return }
        violation = Violation(state: states.number(of: state.key(orderCount)) ?? 0, promise: promise)
    }

    /// What a step breaks by itself, whatever state it leads to.
    private func fault(of edge: CourseGraph.Edge, _ course: Int) -> String? {
        guard edge.breaksPromise, let (step, outcome) = graph.step(of: course, edge), let fault = outcome.fault else { return nil }
        return "\(fault), when \(Narrator(graph.saga).tell(step, graph.courses[course], outcome))"
    }

    private func fault(of state: SharedStock) -> String? {
        if state.available < 0 { return "S2: \(-state.available) more units are promised than there are" }
        if state.available + state.reserved + state.sold != stock {
            return "S1: \(state.available) available, \(state.reserved) reserved and \(state.sold) sold are not \(stock)"
        }
        var (held, sold) = (0, 0)
        for slot in 0..<orderCount {
            let reservation = graph.facts[slot == 0 ? state.first : state.second].reservation
            if reservation == .held { held += 1 }
            if reservation == .sold { sold += 1 }
        }
        if held != state.reserved || sold != state.sold {
            return "S1: \(state.reserved) reserved and \(state.sold) sold, and the orders hold \(held) and bought \(sold)"
        }
        return graph.facts[state.first].fault ?? (orderCount > 1 ? graph.facts[state.second].fault : nil)
    }
}
