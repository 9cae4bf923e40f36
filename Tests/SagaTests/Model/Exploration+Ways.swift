extension Exploration {
    /// The steps that lead from the beginning to a state, as sentences.
    func way(to target: Int) -> [String] {
        var numbers: [Int] = []
        var number = target
        while number != 0 {
            numbers.append(number)
            number = states.parent(number)
        }
        var lines: [String] = []
        var names = ["order A", "order B"]
        for number in numbers.reversed() {
            let state = SharedStock(key: states.key(states.parent(number)))
            let move = states.move(number)
            let slot = Int(move >> 15)
            let course = slot == 0 ? state.first : state.second
            let edge = graph.edges[graph.edges(of: course).lowerBound + Int(move & 0x7FFF)]
            guard let (step, outcome) = graph.step(of: course, edge) else { continue }
            let line = Narrator(graph.saga).tell(step, graph.courses[course], outcome)
            lines.append(orderCount > 1 ? "\(names[slot]): \(line)" : line)
            let moved = (slot == 0 ? Int(edge.target) : state.first, slot == 1 ? Int(edge.target) : state.second)
            if orderCount > 1, moved.0 > moved.1 { names.swapAt(0, 1) }
        }
        return lines
    }

    /// How many states have a way to one in which every order is settled and nothing is under way.
    func countStatesThatCanSettle() -> Int {
        // The edges by their targets.
        var first = [Int](repeating: 0, count: graph.courses.count + 1)
        for edge in graph.edges { first[Int(edge.target) + 1] += 1 }
        for course in graph.courses.indices { first[course + 1] += first[course] }
        var place = first
        var sources = [Int](repeating: 0, count: graph.edges.count)
        var incoming = [CourseGraph.Edge?](repeating: nil, count: graph.edges.count)
        for course in graph.courses.indices {
            for number in graph.knownEdges(of: course) {
                let edge = graph.edges[number]
                sources[place[Int(edge.target)]] = course
                incoming[place[Int(edge.target)]] = edge
                place[Int(edge.target)] += 1
            }
        }
        let canSettle = UnsafeMutablePointer<Bool>.allocate(capacity: states.count)
        canSettle.initialize(repeating: false, count: states.count)
        defer { canSettle.deallocate() }
        var open: [Int] = []
        for number in 0..<states.count {
            let state = SharedStock(key: states.key(number))
            guard isSettled(state) else { continue }
            canSettle[number] = true
            open.append(number)
        }
        var count = open.count
        while let number = open.popLast() {
            let state = SharedStock(key: states.key(number))
            for slot in 0..<orderCount {
                let course = slot == 0 ? state.first : state.second
                for place in first[course]..<first[course + 1] {
                    guard let edge = incoming[place] else { continue }
                    var before = state
                    before.apply(Int(edge.effect), times: -1)
                    if slot == 0 { before.first = sources[place] } else { before.second = sources[place] }
                    guard edge.isPossible(before.available) else { continue }
                    guard let earlier = states.number(of: before.key(orderCount)), !canSettle[earlier] else { continue }
                    canSettle[earlier] = true
                    count += 1
                    open.append(earlier)
                }
            }
        }
        return count
    }
}
