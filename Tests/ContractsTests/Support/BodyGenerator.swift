import Contracts
import Wire

/// Bodies of events as their shapes allow them, from a seed.
struct BodyGenerator {
    /// Which optional members a body has.
    enum Optionals { case all, none, some }

    private var random: SplitMix64
    private let optionals: Optionals
    private let currency: Currency

    init(seed: UInt64, optionals: Optionals = .some) throws {
        (random, self.optionals) = (SplitMix64(state: seed), optionals)
        let codes = ["GBP", "JPY", "KWD"]
        let code = codes[Int(random.next() % 3)]
        guard let currency = Currency(code) else { throw JSONMismatch(key: code, expected: "a currency") }
        self.currency = currency
    }

    /// A whole body, the members in the order in which they are written.
    mutating func body(of type: any Event.Type) -> JSONObject {
        var members: [(String, JSONValue)] = [
            ("eventId", identifier()), ("type", .string(type.type)), ("schemaVersion", .number(String(type.schemaVersion))),
            ("source", text()), (type.keyName.description, identifier()), ("timestamp", timestamp()), ("correlationId", identifier()),
        ]
        if chooses() { members.append(("causationId", identifier())) }
        if chooses() { members.append(("version", .number(String(1 + random.next() % 9)))) }
        return JSONObject(members: members.map { JSONObject.Member(key: $0.0, value: $0.1) } + object(type.shape.members).members)
    }

    private mutating func object(_ members: [EventMember]) -> JSONObject {
        var result: [JSONObject.Member] = []
        for member in members where member.isRequired || chooses() { result.append(.init(key: member.name, value: value(member.form))) }
        return JSONObject(members: result)
    }

    private mutating func value(_ form: MemberForm) -> JSONValue {
        switch form {
        case .boolean: .bool(random.next() % 2 == 0)
        case .integer(let range): .number(String(integer(in: range)))
        case .identifier: identifier()
        case .timestamp: timestamp()
        case .text: text()
        case .oneOf(let words): .string(words[Int(random.next() % UInt64(words.count))])
        case .matching(_, let examples) where examples.contains(currency.code): .string(currency.code)
        // The other texts with a form are amounts: in a currency they have its digits.
        case .matching: .string(Money(minorUnits: integer(in: -Money.maximumMinorUnits...Money.maximumMinorUnits), currency: currency).amount)
        case .objects(let members): .array((0..<(optionals == .some ? random.next() % 4 : 2)).map { _ in .object(object(members)) })
        }
    }

    private mutating func chooses() -> Bool { optionals == .all || optionals == .some && random.next() % 2 == 0 }
    private mutating func identifier() -> JSONValue { .string(Identifier(high: random.next(), low: random.next()).description) }
    private mutating func timestamp() -> JSONValue { .string(Timestamp(milliseconds: integer(in: -62_000_000_000_000...253_000_000_000_000)).description) }

    private mutating func integer(in range: ClosedRange<Int64>) -> Int64 {
        switch random.next() % 4 {
        case 0: range.lowerBound
        case 1: range.upperBound
        default: Int64.random(in: range, using: &random)
        }
    }
    private mutating func text() -> JSONValue {
        let alphabet = Array("abcXYZ 012\"\\/\n\u{1}\u{E9}\u{1F4E6}")
        return .string(String((0..<random.next() % 12).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }))
    }
}

/// Steele, Lea and Flood's generator: a few lines, and the same everywhere.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
