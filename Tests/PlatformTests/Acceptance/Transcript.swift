import Wire

/// What happened to an order, without what differs from run to run: the same input gives the same transcript, whatever runs behind the API.
///
/// Identifiers become names in the order in which they appear, times are left out, and a causation becomes a place: an event stands below the one that led to it.
/// Events below the same one may truly come in any order, as they come from different services; they are sorted by their types.
struct Transcript {
    private struct Entry {
        let id: String
        let type: String
        let causationID: String?
        let body: JSONObject
    }

    /// Events that are said as soon as two others have come, and because of the one that came last, which is chance. A cause that is in the list is one of the two; the
    /// event then stands below that one's own cause, which is the same for both.
    private static let saidByTheLast: [String: Set<String>] = [
        // Payments can be faster than Inventory's own news, and implies it.
        "OrderReserved": ["PaymentProcessed", "PaymentFailed"],
        // Stock and money are given back by two services.
        "OrderCancelled": ["InventoryReleased", "PaymentVoided", "PaymentRefunded"],
    ]
    /// Members that the place of an event tells, or that are new in every run.
    private static let leftOut: Set<String> = ["eventId", "type", "timestamp", "causationId"]

    private let entries: [Entry]

    /// - Parameter timeline: the answer of `GET /orders/{id}/events`.
    /// - Throws: `Unexpected` for what is no timeline, or one whose causes are not on it.
    init(timeline: JSONValue) throws {
        entries = try (timeline["items"]?.array ?? []).map { item in
            guard let id = item["eventId"]?.string, let type = item["type"]?.string, let body = item["data"]?.object else {
                throw Unexpected("an entry of a timeline that is none: \(item.compact)")
            }
            return Entry(id: id, type: type, causationID: item["causationId"]?.string, body: body)
        }
        let known = Set(entries.map(\.id))
        if known.count != entries.count { throw Unexpected("an event stands twice on its timeline") }
        for case let entry in entries where entry.causationID.map(known.contains) == false {
            throw Unexpected("the cause of a \(entry.type) is not on the timeline")
        }
    }

    /// The types of all events.
    var types: [String] { entries.map(\.type) }

    /// The normal form.
    var document: JSONValue {
        let byID = Dictionary(uniqueKeysWithValues: entries.map { ($0.id, $0) })
        let below = Dictionary(grouping: entries) { entry in
            guard let cause = entry.causationID.flatMap({ byID[$0] }) else { return "" }
            return Transcript.saidByTheLast[entry.type]?.contains(cause.type) == true ? cause.causationID ?? cause.id : cause.id
        }
        var names = Names()
        return .array(Transcript.sorted(below[""] ?? []).map { Transcript.document($0, below, &names) })
    }

    private static func document(_ entry: Entry, _ below: [String: [Entry]], _ names: inout Names) -> JSONValue {
        let members = entry.body.members.filter { !leftOut.contains($0.key) }.sorted { $0.key < $1.key }
        var document: [JSONObject.Member] = [
            .init(key: "event", value: .string(entry.type)), .init(key: "data", value: names.named(.object(JSONObject(members: members)), "")),
        ]
        let children = sorted(below[entry.id] ?? []).map { self.document($0, below, &names) }
        if !children.isEmpty { document.append(.init(key: "then", value: .array(children))) }
        return .object(JSONObject(members: document))
    }

    /// By version, where they have one, as what people do comes one after the other; then by type.
    private static func sorted(_ entries: [Entry]) -> [Entry] {
        func rank(_ entry: Entry) -> (Int64, String, String) { (entry.body["version"]?.integer ?? 0, entry.type, entry.body["kind"]?.string ?? "") }
        return entries.sorted { rank($0) < rank($1) }
    }

    /// Names for identifiers: `productId` 0190... becomes `product 1`.
    struct Names {
        private var known: [String: String] = [:]
        private var counts: [String: Int] = [:]

        /// A value with all identifiers in it replaced.
        /// - Parameter key: the member that it is the value of.
        mutating func named(_ value: JSONValue, _ key: String) -> JSONValue {
            switch value {
            case .object(let object):
                var members: [JSONObject.Member] = []
                for member in object.members { members.append(.init(key: member.key, value: named(member.value, member.key))) }
                return .object(JSONObject(members: members))
            case .array(let values):
                var named: [JSONValue] = []
                for value in values { named.append(self.named(value, key)) }
                return .array(named)
            case .string(let text):
                let id = text.hasPrefix("urn:uuid:") ? String(text.dropFirst("urn:uuid:".count)) : text
                return Identifier(id) == nil ? value : .string(name(of: id, key.hasSuffix("Id") ? String(key.dropLast(2)) : key))
            case .number, .bool, .null: return value
            }
        }

        private mutating func name(of id: String, _ kind: String) -> String {
            if let name = known[id] { return name }
            counts[kind, default: 0] += 1
            let name = "\(kind) \(counts[kind] ?? 0)"
            known[id] = name
            return name
        }
    }
}
