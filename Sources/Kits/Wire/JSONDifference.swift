/// One place where two JSON documents differ.
public struct JSONDifference: Sendable, Equatable {
    /// Where: a JSON pointer (RFC 6901).
    public let pointer: String
    /// What was there; nil for nothing.
    public let before: JSONValue?
    /// What is there now; nil for nothing.
    public let after: JSONValue?

    /// Every difference, in document order; elements of arrays are compared by their places. Numbers that are written differently differ.
    public static func between(_ before: JSONValue, _ after: JSONValue) -> [JSONDifference] {
        var differences: [JSONDifference] = []
        compare(before, after, "", &differences)
        return differences
    }

    /// Writes `{"pointer", "before", "after"}`, without what is not there.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("pointer", pointer)
            if let before {
                json.key("before")
                json.value(before)
            }
            if let after {
                json.key("after")
                json.value(after)
            }
        }
    }

    private static func compare(_ before: JSONValue?, _ after: JSONValue?, _ pointer: String, _ differences: inout [JSONDifference]) {
        if before == after { return }
        if case .object(let old)? = before, case .object(let new)? = after {
            for member in old.members { compare(member.value, new[member.key], "\(pointer)/\(escaped(member.key))", &differences) }
            for member in new.members where old[member.key] == nil { compare(nil, member.value, "\(pointer)/\(escaped(member.key))", &differences) }
            return
        }
        if case .array(let old)? = before, case .array(let new)? = after {
            for index in 0..<max(old.count, new.count) {
                compare(index < old.count ? old[index] : nil, index < new.count ? new[index] : nil, "\(pointer)/\(index)", &differences)
            }
            return
        }
        differences.append(JSONDifference(pointer: pointer, before: before, after: after))
    }

    /// RFC 6901: `~` becomes `~0`, `/` becomes `~1`.
    private static func escaped(_ key: String) -> String {
        guard key.contains("~") || key.contains("/") else { return key }
        return key.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : "\($0)" }.joined()
    }
}
