import Messaging
import Web
import Wire

/// Which dead letters a request means: in a query or in a body, by the same names.
struct DeadLetterQuery: Sendable {
    static let names = ["consumer", "type", "error", "orderId", "from", "to", "olderThan", "youngerThan", "state"]

    var consumer: String?
    var filter = DeadLetterFilter()
    /// Whether anything narrows it down.
    var isNarrow = false

    /// All open ones.
    init() {}

    /// Reads a query's parameters.
    init(_ request: WebRequest, desks: DeadLetterDesks, now: Timestamp) throws(Problem) {
        func text(_ name: String) throws(Problem) -> String? {
            guard let text = try request.parameter(name) else { return nil }
            guard !text.isEmpty, text.unicodeScalars.count <= 200 else { throw Problem.badParameter(name, "must have 1 to 200 characters") }
            return text
        }
        consumer = try text("consumer")
        if let consumer, desks[consumer] == nil { throw Problem.badParameter("consumer", "must be one of \(desks.names)") }
        filter.type = try text("type")
        filter.error = try text("error")
        if let order = try text("orderId") {
            guard let id = Identifier(order) else { throw Problem.badParameter("orderId", "must be a UUID") }
            filter.key = id
        }
        filter.from = try request.timestamp("from")
        filter.to = try request.timestamp("to")
        for name in ["olderThan", "youngerThan"] {
            guard let age = try text(name) else { continue }
            guard let milliseconds = DeadLetterQuery.milliseconds(age) else { throw Problem.badParameter(name, DeadLetterQuery.ageRule) }
            bound(name, now.advanced(byMilliseconds: -milliseconds))
        }
        if let state = try text("state") {
            guard let state = DeadLetterQuery.state(state) else { throw Problem.badParameter("state", DeadLetterQuery.stateRule) }
            filter.state = state
        }
    }

    /// Reads a body's members; mistakes are noted in the reader. A redrive is always about open ones.
    init(_ body: BodyReader, desks: DeadLetterDesks, now: Timestamp) {
        consumer = body.string("consumer", maximum: 200)
        if let consumer, desks[consumer] == nil { body.refuse("consumer", "must be one of \(desks.names)") }
        filter.type = body.string("type", maximum: 200)
        filter.error = body.string("error", maximum: 200)
        filter.key = body.identifier("orderId")
        filter.from = body.timestamp("from")
        filter.to = body.timestamp("to")
        for name in ["olderThan", "youngerThan"] {
            guard let age = body.string(name, maximum: 20) else { continue }
            guard let milliseconds = DeadLetterQuery.milliseconds(age) else {
                body.refuse(name, DeadLetterQuery.ageRule)
                continue
            }
            bound(name, now.advanced(byMilliseconds: -milliseconds))
        }
        isNarrow = consumer != nil || filter.type != nil || filter.error != nil || filter.key != nil || filter.from != nil || filter.to != nil
    }

    /// Older than an hour means died before an hour ago; with `from` and `to` the narrower bound holds.
    private mutating func bound(_ name: String, _ time: Timestamp) {
        if name == "olderThan" { filter.to = min(filter.to ?? time, time) } else { filter.from = max(filter.from ?? time, time) }
    }

    private static let ageRule = "must be an age such as 90s, 10m, 2h or 7d"
    private static let stateRule = "must be open, redriven, archived or all"

    /// An age in words as milliseconds, at most 10,000 days.
    static func milliseconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let last = text.last, let unit = units[last], let number = Int64(text.dropLast()), number >= 0 else { return nil }
        let (product, overflows) = number.multipliedReportingOverflow(by: unit)
        return overflows || product > 10_000 * 86_400_000 ? nil : product
    }

    /// The state of a name; `.some(nil)` for all.
    private static func state(_ text: String) -> DeadLetter.State?? {
        if text == "all" { return .some(nil) }
        return DeadLetter.State.allCases.first { $0.name == text }.map { .some($0) }
    }

    /// The dead letters that are meant, counted.
    func groups(of desks: DeadLetterDesks) async throws -> [DeadLetterGroup] {
        var groups: [DeadLetterGroup] = []
        for desk in desks.of(consumer) { groups += try await desk.groups(filter) }
        return groups.sorted { $0.count != $1.count ? $0.count > $1.count : ($0.consumer, $0.errorGroup) < ($1.consumer, $1.errorGroup) }
    }
}
