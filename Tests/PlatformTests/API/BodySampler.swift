import Web
import Wire

/// Makes bodies of a declared schema: ones that it allows, at random, and of such a body all that it forbids by one change.
struct BodySampler {
    /// Values of members that name something or hang together with others, by the member's name.
    var given: [String: [JSONValue]]
    private var random: SplitMix64

    init(seed: UInt64, given: [String: [JSONValue]]) { (self.given, random) = (given, SplitMix64(state: seed)) }

    /// A body that the schema allows.
    mutating func valid(_ schema: APISchema) -> JSONValue {
        switch schema {
        case .anything: pick([.null, .bool(true), .string("x"), .number("1")])
        case .boolean: .bool(random.next() % 2 == 0)
        case .integer(let range): .number(String(pick([range.lowerBound, range.upperBound, Int64.random(in: range, using: &random)])))
        case .number: .number(pick(["0", "1", "12.5"]))
        case .oneOf(let words): .string(pick(words))
        case .identifier: .string(Identifier(high: random.next(), low: random.next()).description)
        case .timestamp, .timestampOrDay: .string(Timestamp(milliseconds: Int64(random.next() % 1_700_000_000_000)).description)
        case .text(let range, let pattern): .string(text(range, pattern))
        case .array(let element, let range):
            .array((0..<max(range.lowerBound, 1 + Int(random.next() % 3))).map { _ in valid(element) })
        case .object(let members): .object(object(members, demanded: []))
        case .input(let members, let names): .object(object(members, demanded: names))
        case .map(let element, _):
            .object(JSONObject(members: (0..<random.next() % 4).map { .init(key: "key\($0)", value: valid(element)) }))
        case .either(let schemas): valid(pick(schemas))
        case .component(_, let inner): valid(inner)
        case .raw: .null
        }
    }

    private mutating func object(_ members: [APIMember], demanded: [String]) -> JSONObject {
        let demand = demanded.isEmpty ? nil : pick(demanded)
        var result: [JSONObject.Member] = []
        for member in members where member.isRequired || member.name == demand || random.next() % 2 == 0 {
            if let values = given[member.name] {
                if !values.isEmpty { result.append(.init(key: member.name, value: pick(values))) }
            } else if !member.isRequired, member.name != demand, random.next() % 8 == 0 {
                result.append(.init(key: member.name, value: .null))
            } else {
                result.append(.init(key: member.name, value: valid(member.schema)))
            }
        }
        return JSONObject(members: result)
    }

    private static let patterns: [String: [String]] = [
        "^[A-Z]{3}$": ["GBP", "JPY", "KWD"], "^[A-Za-z0-9._:-]{1,64}$": ["test_approve", "pm:1.2-x", "a"],
        "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$": ["0", "5", "12", "3e0"], "^[0-9]{1,4}[smhd]$": ["90s", "7d"],
        "^[A-Za-z0-9._-]{1,64}$": ["agreed", "a.b-c_d"], "^[!-~]+$": ["alice", "a|b"],
    ]

    private mutating func text(_ range: ClosedRange<Int>, _ pattern: String?) -> String {
        if let pattern, let samples = BodySampler.patterns[pattern] { return pick(samples) }
        let alphabet = Array("abcXYZ 012\"\\/'<\u{E9}\u{1F4E6}\u{2028}\u{202E}".unicodeScalars)
        let length = pick([range.lowerBound, min(range.upperBound, 200), min(range.upperBound, range.lowerBound + 5)])
        var scalars = String.UnicodeScalarView()
        for _ in 0..<length { scalars.append(pick(alphabet)) }
        return String(scalars)
    }

    private mutating func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }

    /// Every body that differs from an allowed one in one place, where the schema does not allow it, with that place.
    static func invalid(_ value: JSONValue, _ schema: APISchema, at pointer: String = "") -> [(body: JSONValue, pointer: String)] {
        var cases = wrong(schema).map { ($0, pointer) }
        switch schema {
        case .component(_, let inner): return invalid(value, inner, at: pointer)
        case .array(let element, _):
            guard let values = value.array, let first = values.first else { break }
            cases += invalid(first, element, at: "\(pointer)/0").map { (.array([$0.body] + values.dropFirst()), $0.pointer) }
        case .object(let members), .input(let members, _):
            guard let object = value.object else { break }
            if case .input = schema { cases.append((replacing("unheardOf", .number("1"), in: object), "\(pointer)/unheardOf")) }
            for member in members {
                if member.isRequired {
                    cases.append((.object(JSONObject(members: object.members.filter { $0.key != member.name })), "\(pointer)/\(member.name)"))
                    cases.append((replacing(member.name, .null, in: object), "\(pointer)/\(member.name)"))
                }
                let old = object[member.name] ?? .null
                cases += invalid(old, member.schema, at: "\(pointer)/\(member.name)").map { (replacing(member.name, $0.body, in: object), $0.pointer) }
            }
            if case .input(_, let names) = schema, !names.isEmpty {
                cases.append((.object(JSONObject(members: object.members.filter { !names.contains($0.key) })), pointer))
            }
        default: break
        }
        return cases
    }

    /// Values that a schema forbids whatever else there is.
    private static func wrong(_ schema: APISchema) -> [JSONValue] {
        let kinds: [JSONValue] = [.bool(true), .number("7.5"), .string("\u{1}"), .array([]), .object(JSONObject(members: []))]
        let judge = SchemaJudge()
        var values = kinds
        switch schema {
        case .integer(let range):
            if range.lowerBound > .min { values.append(.number(String(range.lowerBound - 1))) }
            if range.upperBound < .max { values.append(.number(String(range.upperBound + 1))) }
            values += [.number("1e400"), .number("99999999999999999999"), .string("1")]
        case .text(let range, _):
            if range.upperBound < 10_000 { values.append(.string(String(repeating: "a", count: range.upperBound + 1))) }
            values += [.string(""), .string("a\u{0A}"), .string("\u{7F}")]
        case .oneOf(let words): values += [.string(words[0].lowercased() + "x"), .string("")]
        case .identifier: values += [.string("019a4c1e-77a0-7c3d-8f11"), .string("")]
        case .timestamp: values += [.string("2026-13-01T00:00:00Z"), .string("yesterday")]
        case .either: values += [.string(""), .string("ten"), .string("1,5"), .string("0x10"), .string(" 1")]
        default: break
        }
        return values.filter { !judge.objections(to: $0, schema).isEmpty }
    }

    private static func replacing(_ key: String, _ value: JSONValue, in object: JSONObject) -> JSONValue {
        let kept = object.members.filter { $0.key != key }
        return .object(JSONObject(members: kept + [.init(key: key, value: value)]))
    }
}

/// Steele, Lea and Flood's generator: a few lines, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
