import Contracts
import Testing
import Wire

/// The declared shapes against what events write and read, in both directions.
@Suite("Shapes of events")
struct ShapeTests {
    static let types = EventCatalog.types.map { $0.type }
    private static let open = SchemaValidator(isClosed: false)

    private static func type(_ name: String) throws -> any Event.Type { try #require(EventCatalog.registry[name]) }
    private static func schema(_ type: any Event.Type) throws -> JSONObject { try #require(EventSchema.versions(of: type).last).document }
    private static func read(_ body: JSONObject) throws -> Envelope {
        try Envelope(body: Array(JSONValue.object(body).compact.utf8), registry: EventCatalog.registry)
    }
    private static func isRead(_ body: JSONObject) -> Bool { (try? read(body)) != nil }
    private static func rewritten(_ envelope: Envelope, _ event: some Event) -> [UInt8] {
        Envelope(
            id: envelope.id, source: envelope.source, key: envelope.key, version: envelope.version, correlationID: envelope.correlationID,
            causationID: envelope.causationID, time: envelope.time, event: event
        ).body
    }

    @Test("what an event writes is valid and names nothing that its shape does not", arguments: Samples.envelopes.map(\.type))
    func samples(_ name: String) throws {
        let envelope = try #require(Samples.envelopes.first { $0.type == name })
        let schema = try ShapeTests.schema(ShapeTests.type(name))
        #expect(SchemaValidator(isClosed: true).violations(try JSONParser.parse(envelope.body), schema) == [])
    }

    @Test("whatever a shape allows is valid, is read, and is written again byte for byte", arguments: types)
    func agreement(_ name: String) throws {
        let type = try ShapeTests.type(name)
        let schema = try ShapeTests.schema(type)
        for seed in 0..<200 as Range<UInt64> {
            var generator = try BodyGenerator(seed: seed)
            let body = generator.body(of: type)
            #expect(ShapeTests.open.violations(.object(body), schema) == [])
            let envelope = try ShapeTests.read(body)
            #expect(ShapeTests.rewritten(envelope, envelope.event) == envelope.body, "\(name), seed \(seed)")
        }
    }

    @Test("a body with every member leaves no property empty, so that no member is read which the shape does not name", arguments: types)
    func completeness(_ name: String) throws {
        var generator = try BodyGenerator(seed: 1, optionals: .all)
        let event = try ShapeTests.read(generator.body(of: ShapeTests.type(name))).event
        // No order has a status before its first.
        let expected = name == OrderCreated.type ? ["change.old"] : []
        #expect(ShapeTests.emptyProperties(event) == expected)
    }

    private static func emptyProperties(_ value: Any, at path: [String] = []) -> [String] {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional, mirror.children.isEmpty { return [path.joined(separator: ".")] }
        return mirror.children.flatMap { emptyProperties($0.value, at: path + [$0.label ?? ""]) }
    }

    @Test("a member may be missing where the shape calls it optional, and nowhere else", arguments: types)
    func absence(_ name: String) throws {
        let schema = try ShapeTests.schema(ShapeTests.type(name))
        var generator = try BodyGenerator(seed: 2, optionals: .all)
        let body = try generator.body(of: ShapeTests.type(name))
        var (refused, accepted) = (0, 0)
        for path in ShapeTests.paths(in: body) {
            let rest = ShapeTests.changing(body, path) { $0.removing($1) }
            let isValid = ShapeTests.open.violations(.object(rest), schema).isEmpty
            #expect(ShapeTests.isRead(rest) == isValid, "\(name) without \(path)")
            if isValid { accepted += 1 } else { refused += 1 }
        }
        #expect(refused >= 7, "the envelope alone has so many required members")
        #expect(accepted >= 2, "and two optional ones")
        var sparse = try BodyGenerator(seed: 3, optionals: .none)
        #expect(try ShapeTests.isRead(sparse.body(of: ShapeTests.type(name))))
    }

    @Test("whatever the schema refuses in a member, the reader refuses", arguments: types)
    func wrongValues(_ name: String) throws {
        let schema = try ShapeTests.schema(ShapeTests.type(name))
        var generator = try BodyGenerator(seed: 4, optionals: .all)
        let body = try generator.body(of: ShapeTests.type(name))
        let wrong: [JSONValue] = [
            .bool(true), .number("-1"), .number("0"), .number("1.5"), .number("9223372036854775808"), .string(""), .string("x"), .string("12,50"), .array([]),
            .array([.number("1")]), .array([.object(JSONObject(members: []))]), .object(JSONObject(members: [])),
        ]
        for path in ShapeTests.paths(in: body) {
            var refused = 0
            for value in wrong {
                let changed = ShapeTests.changing(body, path) { $0.setting($1, to: value) }
                guard !ShapeTests.open.violations(.object(changed), schema).isEmpty else { continue }
                let isRefused = !ShapeTests.isRead(changed)
                #expect(isRefused, "\(name): \(path) is \(value.compact)")
                refused += 1
            }
            #expect(refused >= 8, "\(name): \(path)")
        }
    }

    /// Every member of a body, those of the objects in its arrays behind the array's name.
    private static func paths(in body: JSONObject) -> [[String]] {
        body.members.flatMap { member in
            [[member.key]] + (member.value.array?.first?.object.map { paths(in: $0).map { [member.key] + $0 } } ?? [])
        }
    }
    private static func changing(_ body: JSONObject, _ path: [String], _ change: (JSONObject, String) -> JSONObject) -> JSONObject {
        guard let first = path.first, path.count > 1 else { return change(body, path.first ?? "") }
        return body.mapping(first) { changing($0, Array(path.dropFirst()), change) }
    }
}
