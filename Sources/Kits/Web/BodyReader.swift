import Wire

/// Reads the members of a body and collects every mistake with its JSON pointer, so that a client sees all of them at once.
///
/// Each method returns nil after a mistake; ``finish()`` throws them together.
public final class BodyReader {
    private let object: JSONObject
    private let pointer: () -> String
    private let sink: Sink

    private final class Sink { var violations: [Problem.Violation] = [] }

    /// A reader of a whole body.
    public convenience init(_ object: JSONObject) { self.init(object, { "" }, Sink()) }

    private init(_ object: JSONObject, _ pointer: @escaping () -> String, _ sink: Sink) { (self.object, self.pointer, self.sink) = (object, pointer, sink) }

    /// Notes a mistake in a member of this object.
    public func refuse(_ key: String, _ detail: String) {
        guard sink.violations.count < 100 else { return }
        let escaped =
            key.contains(where: { $0 == "~" || $0 == "/" })
            ? key.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0").split(separator: "/", omittingEmptySubsequences: false)
                .joined(separator: "~1")
            : key
        sink.violations.append(.init(pointer: key.isEmpty ? pointer() : "\(pointer())/\(escaped)", detail: detail))
    }

    /// Whether nothing was wrong so far.
    public var isValid: Bool { sink.violations.isEmpty }

    /// Throws all mistakes as one 422.
    public func finish() throws(Problem) {
        guard sink.violations.isEmpty else { throw Problem.invalid(sink.violations) }
    }

    /// The value of a member; JSON null counts as absent.
    public func value(_ key: String, required: Bool) -> JSONValue? {
        guard let value = object[key], value != .null else {
            if required { refuse(key, "is required") }
            return nil
        }
        return value
    }

    /// A text of 1 to `maximum` characters without control characters.
    public func string(_ key: String, required: Bool = false, maximum: Int) -> String? {
        guard let value = value(key, required: required) else { return nil }
        guard let text = value.string else {
            refuse(key, "must be a string, not \(value.kind)")
            return nil
        }
        guard !text.isEmpty, text.unicodeScalars.count <= maximum else {
            refuse(key, "must have 1 to \(maximum) characters")
            return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
            refuse(key, "must not contain control characters")
            return nil
        }
        return text
    }

    /// A whole number within bounds.
    public func integer(_ key: String, required: Bool = false, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = value(key, required: required) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            refuse(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    public func bool(_ key: String) -> Bool? {
        guard let value = value(key, required: false) else { return nil }
        guard let bool = value.bool else {
            refuse(key, "must be true or false")
            return nil
        }
        return bool
    }

    public func identifier(_ key: String, required: Bool = false) -> Identifier? {
        guard let value = value(key, required: required) else { return nil }
        guard let id = value.string.flatMap({ Identifier($0) }) else {
            refuse(key, "must be a UUID")
            return nil
        }
        return id
    }

    public func timestamp(_ key: String) -> Timestamp? {
        guard let value = value(key, required: false) else { return nil }
        guard let time = value.string.flatMap({ Timestamp($0) }) else {
            refuse(key, "must be an RFC 3339 time such as 2026-11-21T13:00:00Z")
            return nil
        }
        return time
    }

    /// The text of a decimal number, written as a string or as a number.
    public func decimal(_ key: String, required: Bool = false) -> String? {
        guard let value = value(key, required: required) else { return nil }
        switch value {
        case .string(let text), .number(let text): return text
        default:
            refuse(key, "must be a decimal number, best as a string such as \"19.99\"")
            return nil
        }
    }

    /// A reader per element of an array of objects.
    public func objects(_ key: String, required: Bool = false, count range: ClosedRange<Int>) -> [BodyReader]? {
        guard let value = value(key, required: required) else { return nil }
        guard let values = value.array, range.contains(values.count) else {
            refuse(key, "must be an array of \(range.lowerBound) to \(range.upperBound) objects")
            return nil
        }
        var readers: [BodyReader] = []
        readers.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            let reader = BodyReader(value.object ?? JSONObject(members: []), { [pointer] in "\(pointer())/\(key)/\(index)" }, sink)
            if value.object == nil {
                reader.refuse("", "must be an object, not \(value.kind)")
            } else {
                readers.append(reader)
            }
        }
        return readers
    }

    /// A map of short texts.
    public func stringMap(_ key: String, maximumEntries: Int, maximumLength: Int) -> [(String, String)] {
        guard let value = value(key, required: false) else { return [] }
        guard let object = value.object, object.members.count <= maximumEntries else {
            refuse(key, "must be an object of at most \(maximumEntries) texts")
            return []
        }
        let nested = BodyReader(object, { [pointer] in "\(pointer())/\(key)" }, sink)
        return object.members.compactMap { member in
            guard !member.key.isEmpty, member.key.unicodeScalars.count <= 64 else {
                nested.refuse(member.key, "must have a name of 1 to 64 characters")
                return nil
            }
            return nested.string(member.key, required: true, maximum: maximumLength).map { (member.key, $0) }
        }
    }

    /// Refuses members that the operation does not know, so that a misspelt one is not silently ignored.
    public func allow(_ keys: String...) {
        for member in object.members where !keys.contains(member.key) { refuse(member.key, "is unknown here; known: \(keys.joined(separator: ", "))") }
    }
}
