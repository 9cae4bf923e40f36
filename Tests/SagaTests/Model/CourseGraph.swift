import Inventory

/// The courses that one order can take, found as they are asked for. Orders that share stock are explored as products of this graph: what they do to each
/// other goes through the stock alone, so every edge says what it needs of it and does to it.
final class CourseGraph {
    /// A step from one course to another.
    struct Edge {
        let target: Int32
        /// Whether there must be enough stock (1), must not (2), or it does not matter (0).
        let needsStock: UInt8
        /// Number of the effect on the stock in ``effects``.
        let effect: UInt8
        /// Which of the steps that ``Saga/visit(_:_:)`` tells it is.
        let number: UInt16
        let breaksPromise: Bool

        /// Whether it can be taken with so many units available.
        func isPossible(_ available: Int) -> Bool {
            if needsStock == 1 { return available >= 1 }
            if needsStock == 2 { return available < 1 }
            return true
        }
    }

    /// What is known of a course.
    struct Facts {
        /// What is broken, or unfinished while nothing is under way.
        let fault: String?
        /// Whether nothing is under way, and the order is settled or not placed.
        let isSettled: Bool
        let reservation: ReservationState
    }

    /// The effects that move stock; the first moves nothing.
    static let effects: [ReservationEffect] = [.nothing, .hold, .release, .sell]

    let saga: Saga
    private(set) var courses: [Course]
    private(set) var facts: [Facts] = []
    private(set) var edges: [Edge] = []
    private var numbers: [Course: Int32]
    /// Where the edges of a course lie; empty until somebody asks.
    private var ranges: [Range<Int>?] = [nil]
    /// Deliveries that the inbox refuses, by course.
    private(set) var refused: [Int] = [0]

    init(_ saga: Saga) {
        self.saga = saga
        courses = [saga.start]
        numbers = [saga.start: 0]
        facts = [examine(saga.start)]
    }

    /// The edges that leave a course. Steps that lead to the same state of everything are one edge.
    func edges(of course: Int) -> Range<Int> {
        if let known = ranges[course] { return known }
        let begin = edges.count
        var number: UInt16 = 0
        let refusedBefore = saga.refused
        saga.visit(courses[course]) { _, outcome in
            let edge = Edge(
                target: self.number(of: outcome.course), needsStock: outcome.needsStock.map { $0 ? 1 : 2 } ?? 0,
                effect: UInt8(CourseGraph.effects.firstIndex(of: outcome.effect) ?? 0), number: number, breaksPromise: outcome.fault != nil)
            let isKnown = edges[begin...].contains {
                $0.target == edge.target && $0.needsStock == edge.needsStock && $0.effect == edge.effect && $0.breaksPromise == edge.breaksPromise
            }
            if !isKnown { edges.append(edge) }
            number += 1
        }
        refused[course] = saga.refused - refusedBefore
        ranges[course] = begin..<edges.count
        return begin..<edges.count
    }

    /// The same, but none for a course that nobody has asked for.
    func knownEdges(of course: Int) -> Range<Int> { ranges[course] ?? 0..<0 }

    private func number(of course: Course) -> Int32 {
        if let number = numbers[course] { return number }
        let number = Int32(courses.count)
        numbers[course] = number
        courses.append(course)
        facts.append(examine(course))
        ranges.append(nil)
        refused.append(0)
        return number
    }

    private func examine(_ course: Course) -> Facts {
        let services = saga.services
        let isResting = saga.isResting(course)
        let unfinished = isResting ? Promises.unfinished(course, services, tells: saga.scope.tells) : nil
        return Facts(
            fault: Promises.fault(of: course, services) ?? unfinished,
            isSettled: isResting && (course.order == 0 || services.orders[Int(course.order)].status.isSettled),
            reservation: Services.reservations[Int(course.reservation)])
    }

    /// The step that an edge stands for.
    func step(of course: Int, _ edge: Edge) -> (Step, Outcome)? {
        var found: (Step, Outcome)?
        var number: UInt16 = 0
        saga.visit(courses[course]) { step, outcome in
            if number == edge.number { found = (step, outcome) }
            number += 1
        }
        return found
    }
}
