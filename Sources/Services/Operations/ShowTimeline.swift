import Storage
import Web
import Wire

/// `GET /orders/{id}/events`: everything that happened to an order, from its first event to its last.
struct ShowTimeline: Sendable {
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let order = try request.identifier("id", of: "order")
        let events = try await database.read { try EventArchive.timeline(of: order, in: $0) }
        guard !events.isEmpty else { throw Problem.notFound("order") }
        let entries = try TimelineEntry.inCausalOrder(events.map(TimelineEntry.init))
        return .json(capacity: 1024 * entries.count) { json in
            json.key("items")
            json.array(entries) { $1.write(to: &$0) }
        }
    }
}

/// An event on an order's timeline.
struct TimelineEntry: Sendable {
    let id: Identifier
    let causationID: Identifier?
    private let event: ArchivedEvent
    private let json: JSONObject

    /// Reads what the body says of itself; the event's type need not be known to this program.
    init(_ event: ArchivedEvent) throws {
        guard case .object(let json) = try JSONParser.parse(event.body) else { throw JSONMismatch(key: "", expected: "an object") }
        (self.event, self.json, id) = (event, json, event.id)
        causationID = try json.optionalIdentifier("causationId")
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("eventId", id)
            json.member("type", event.type)
            json.optional("service", self.json["source"]?.string)
            json.optional("time", self.json["timestamp"]?.string)
            json.optional("causationId", causationID)
            json.optional("correlationId", self.json["correlationId"]?.string)
            if let version = self.json["version"]?.integer { json.member("version", version) }
            json.key("data")
            json.raw(event.body)
        }
    }

    /// Entries that are in order by time, with each that stands before its own cause moved behind it: two services' identifiers of the same millisecond are
    /// in no order, and an answer before its question confuses.
    static func inCausalOrder(_ entries: [TimelineEntry]) -> [TimelineEntry] {
        let known = Set(entries.map(\.id))
        var placed: Set<Identifier> = []
        var waiting: [Identifier: [TimelineEntry]] = [:]
        var ordered: [TimelineEntry] = []
        ordered.reserveCapacity(entries.count)
        for entry in entries {
            if let cause = entry.causationID, cause != entry.id, known.contains(cause), !placed.contains(cause) {
                waiting[cause, default: []].append(entry)
                continue
            }
            var ready = [entry][...]
            while let next = ready.popFirst() {
                ordered.append(next)
                placed.insert(next.id)
                ready += waiting.removeValue(forKey: next.id) ?? []
            }
        }
        // A circle of causes cannot be; were there one, its events are shown all the same.
        return ordered + waiting.values.joined().sorted { $0.id < $1.id }
    }
}
