/// What an exploration found, for tests and for `docs/exploration.md`.
struct Report: Sendable {
    let title: String
    let design: Design
    let states: Int
    let steps: Int
    let settled: Int
    let canSettle: Int
    let refusedDeliveries: Int
    let marks: Set<Mark>
    /// What is broken first; nil when every promise is kept.
    let broken: String?
    /// How it comes to that, as sentences.
    let way: [String]
    /// How two orders come to want the last unit.
    let wayToContest: [String]
    /// Cells of the specification tables that were asked for.
    let cells: Set<String>
    let reactions: Set<Saga.Reaction>
    /// The types of all events that were said.
    let said: Set<String>

    init(_ title: String, _ design: Design = .right, _ scope: Scope = .whole, orders: Int = 1, stock: Int = 1) {
        let saga = Saga(design, scope)
        let exploration = Exploration(CourseGraph(saga), orders: orders, stock: stock)
        (self.title, self.design) = (title, design)
        (states, steps, settled) = (exploration.stateCount, exploration.steps, exploration.settled)
        (broken, refusedDeliveries) = (exploration.violation?.promise, exploration.refusedDeliveries)
        way = exploration.violation.map { exploration.way(to: $0.state) } ?? []
        wayToContest = exploration.contested.map { exploration.way(to: $0) } ?? []
        canSettle = broken == nil ? exploration.countStatesThatCanSettle() : 0
        marks = exploration.contested == nil ? saga.marks : saga.marks.union([.lastUnitContested])
        (cells, reactions) = (saga.services.cells, saga.reactions)
        said = Set(saga.services.words.map(\.type))
    }

    /// One order of any kind; a job may ask three times.
    static let oneOrder = Report("one order, one unit", .right, Scope(sends: 3))
    /// The same where there is nothing to sell.
    static let soldOut = Report("one order, nothing in stock", .right, Scope(sends: 3), stock: 0)
    /// Two orders of any kind that want the same unit; a job asks once, and nobody is told.
    static let lastUnit = Report("two orders, one unit", .right, .narrow, orders: 2)
    /// The same with a unit for each.
    static let enough = Report("two orders, two units", .right, .narrow, orders: 2, stock: 2)
    /// One order, of whose events one may fail at a listener and be delivered after those behind it.
    static let deadLetter = Report("one order, one dead letter", .right, Scope(deadLetters: 1))
    /// One order, whose events may be delivered again to services without an inbox.
    static let noInbox = Report("one order, no inbox", .noInbox, Scope(kinds: [.card]))

    static let explored = [oneOrder, soldOut, deadLetter, lastUnit, enough]
    static let naive = Design.naive.map { Report($0.title, $0, Scope(kinds: [.card]), stock: $0 == .noDeduplication ? 2 : 1) }
}
