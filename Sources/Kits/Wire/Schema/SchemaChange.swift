/// One difference between two versions of a schema, and whom it hurts.
public struct SchemaChange: Sendable, Equatable {
    /// What kind of difference; the raw value names the rule to people and programs.
    public enum Kind: String, Sendable, CaseIterable {
        case memberRemoved = "member-removed"
        case memberAdded = "optional-member-added"
        case requiredMemberAdded = "required-member-added"
        case becameRequired = "member-became-required"
        case becameOptional = "member-became-optional"
        case typeChanged = "type-changed"
        case formChanged = "form-changed"
        case valuesRemoved = "values-removed"
        case valuesAdded = "values-added"
        case boundsNarrowed = "bounds-narrowed"
        case boundsWidened = "bounds-widened"

        /// Whether bodies that were written before are refused, or lose something, when they are read by the newer schema. They are kept for ever.
        public var breaksOldBodies: Bool {
            switch self {
            case .memberRemoved, .requiredMemberAdded, .becameRequired, .typeChanged, .formChanged, .valuesRemoved, .boundsNarrowed: true
            case .memberAdded, .becameOptional, .valuesAdded, .boundsWidened: false
            }
        }
        /// Whether a reader of the older schema refuses bodies that are written from now on, or misses something. It meets them during a rolling update.
        public var breaksOldReaders: Bool {
            switch self {
            case .memberRemoved, .becameOptional, .typeChanged, .formChanged, .valuesAdded, .boundsWidened: true
            case .memberAdded, .requiredMemberAdded, .becameRequired, .valuesRemoved, .boundsNarrowed: false
            }
        }
    }

    public let kind: Kind
    /// Where: a JSON pointer into the event's body; elements of an array have no index.
    public let pointer: String
    /// What it was and what it is.
    public let detail: String

    /// All differences between two schemas, in the order of the older one's members. Texts for people make no difference.
    public static func between(_ old: JSONObject, and new: JSONObject) -> [SchemaChange] { compare(old, new, at: "") }

    private static func compare(_ old: JSONObject, _ new: JSONObject, at pointer: String) -> [SchemaChange] {
        let (oldType, newType) = (old["type"]?.string ?? "anything", new["type"]?.string ?? "anything")
        guard oldType == newType else { return [SchemaChange(kind: .typeChanged, pointer: pointer, detail: "was \(oldType), is \(newType)")] }
        var changes = values(old, new, at: pointer) + bounds(old, new, at: pointer)
        for keyword in ["format", "pattern"] where old[keyword] != new[keyword] {
            let (was, now) = (old[keyword]?.string ?? "free", new[keyword]?.string ?? "free")
            changes.append(SchemaChange(kind: .formChanged, pointer: pointer, detail: "\(keyword) was \(was), is \(now)"))
        }
        if let (old, new) = both("items", old, new) { changes += compare(old, new, at: pointer) }
        return changes + members(old, new, at: pointer)
    }

    private static func both(_ key: String, _ old: JSONObject, _ new: JSONObject) -> (JSONObject, JSONObject)? {
        old[key]?.object.flatMap { old in new[key]?.object.map { (old, $0) } }
    }

    private static func members(_ old: JSONObject, _ new: JSONObject, at pointer: String) -> [SchemaChange] {
        let (oldMembers, newMembers) = (old["properties"]?.object?.members ?? [], new["properties"]?.object?.members ?? [])
        func isRequired(_ key: String, _ schema: JSONObject) -> Bool { schema["required"]?.array?.contains(.string(key)) ?? false }
        let added = newMembers.filter { new in !oldMembers.contains { $0.key == new.key } }
        var changes: [SchemaChange] = []
        for member in oldMembers {
            let place = "\(pointer)/\(member.key)"
            guard let now = newMembers.first(where: { $0.key == member.key }) else {
                let heir = added.first { $0.value.isLike(member.value) }.map { "; \($0.key) looks like it under a new name" } ?? ""
                changes.append(SchemaChange(kind: .memberRemoved, pointer: place, detail: "is gone\(heir)"))
                continue
            }
            switch (isRequired(member.key, old), isRequired(member.key, new)) {
            case (false, true): changes.append(SchemaChange(kind: .becameRequired, pointer: place, detail: "was optional, is required"))
            case (true, false): changes.append(SchemaChange(kind: .becameOptional, pointer: place, detail: "was required, is optional"))
            default: break
            }
            if let old = member.value.object, let new = now.value.object { changes += compare(old, new, at: place) }
        }
        for member in added {
            let kind: Kind = isRequired(member.key, new) ? .requiredMemberAdded : .memberAdded
            let detail = kind == .memberAdded ? "is new and optional" : "is new and required"
            changes.append(SchemaChange(kind: kind, pointer: "\(pointer)/\(member.key)", detail: detail))
        }
        return changes
    }

    private static func values(_ old: JSONObject, _ new: JSONObject, at pointer: String) -> [SchemaChange] {
        func words(_ schema: JSONObject) -> [JSONValue]? { schema["const"].map { [$0] } ?? schema["enum"]?.array }
        func list(_ values: [JSONValue]) -> String { values.map(\.compact).joined(separator: ", ") }
        switch (words(old), words(new)) {
        case (nil, nil): return []
        case (nil, let now?): return [SchemaChange(kind: .valuesRemoved, pointer: pointer, detail: "was free, is one of \(list(now))")]
        case (let was?, nil): return [SchemaChange(kind: .valuesAdded, pointer: pointer, detail: "was one of \(list(was)), is free")]
        case (let was?, let now?):
            let (gone, come) = (was.filter { !now.contains($0) }, now.filter { !was.contains($0) })
            return (gone.isEmpty ? [] : [SchemaChange(kind: .valuesRemoved, pointer: pointer, detail: "no longer allows \(list(gone))")])
                + (come.isEmpty ? [] : [SchemaChange(kind: .valuesAdded, pointer: pointer, detail: "newly allows \(list(come))")])
        }
    }

    private static func bounds(_ old: JSONObject, _ new: JSONObject, at pointer: String) -> [SchemaChange] {
        [("minimum", Int64.min, 1 as Int64), ("maximum", Int64.max, -1)].compactMap { keyword, free, inwards in
            let (was, now) = (old[keyword]?.integer ?? free, new[keyword]?.integer ?? free)
            if was == now { return nil }
            let kind: Kind = (inwards > 0) == (now > was) ? .boundsNarrowed : .boundsWidened
            return SchemaChange(kind: kind, pointer: pointer, detail: "\(keyword) was \(was), is \(now)")
        }
    }
}

extension JSONValue {
    /// Whether two schemas differ only in texts for people.
    fileprivate func isLike(_ other: JSONValue) -> Bool { object?.removing("description") == other.object?.removing("description") }
}
