/// The step from one version of an event's body to the next, with what the older version looked like: bodies are kept for ever, so the step is as well.
public struct Upcaster: Sendable {
    /// The version that it reads; it gives the next.
    public let from: Int
    /// What bodies of that version look like.
    public let shape: EventShape
    /// From which version on a reader understood bodies of that version; see ``Event/readableFrom``.
    public let readableFrom: Int
    private let body: @Sendable (JSONObject) throws -> JSONObject

    /// - Parameters:
    ///   - shape: what bodies of the older version look like; moved here from the event when that got its next version.
    ///   - readableFrom: the older version's own; by default nobody older understood it.
    ///   - body: a pure function of the whole body. It leaves the envelope's members alone.
    public init(
        from: Int, shape: EventShape, readableFrom: Int? = nil, _ body: @escaping @Sendable (JSONObject) throws -> JSONObject
    ) {
        (self.from, self.shape, self.readableFrom, self.body) = (from, shape, readableFrom ?? from, body)
    }

    /// The body in the next version.
    public func callAsFunction(_ json: JSONObject) throws -> JSONObject { try body(json) }
}

/// Changes that upcasters are made of. Each gives a new object and keeps the order of the members.
extension JSONObject {
    /// With another value for a key; behind the others if it is new.
    public func setting(_ key: String, to value: JSONValue) -> JSONObject {
        guard self[key] != nil else { return JSONObject(members: members + [Member(key: key, value: value)]) }
        return JSONObject(members: members.map { $0.key == key ? Member(key: key, value: value) : $0 })
    }
    /// Without a key.
    public func removing(_ key: String) -> JSONObject { JSONObject(members: members.filter { $0.key != key }) }
    /// With another name for a key. Unchanged where there is no such key; a member that has the new name already gives way, for keys are unique.
    public func renaming(_ key: String, to name: String) -> JSONObject {
        guard key != name, self[key] != nil else { return self }
        return JSONObject(members: removing(name).members.map { $0.key == key ? Member(key: name, value: $0.value) : $0 })
    }
    /// With every object in an array changed; unchanged where the key holds no array.
    public func mapping(_ key: String, _ change: (JSONObject) throws -> JSONObject) rethrows -> JSONObject {
        guard let values = self[key]?.array else { return self }
        return setting(key, to: .array(try values.map { value in try value.object.map { .object(try change($0)) } ?? value }))
    }
}
