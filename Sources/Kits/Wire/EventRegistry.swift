/// All events a reader understands, by type, each up to a version.
public struct EventRegistry: Sendable {
    /// How one type is read. An object, so that looking it up costs one reference count.
    final class Reader: Sendable {
        let type: any Event.Type
        /// The newest version that the reader knows.
        let version: Int
        private let upcasters: [Int: Upcaster]
        /// Turns a body of the newest version into what the type reads; nil where that is the same.
        private let adapt: (@Sendable (JSONObject) throws -> JSONObject)?
        /// The version that the last upcaster leads to.
        private let target: Int

        init(_ type: any Event.Type) {
            (self.type, version, target, adapt) = (type, type.schemaVersion, type.schemaVersion, nil)
            upcasters = Dictionary(type.upcasters.map { ($0.from, $0) }, uniquingKeysWith: { first, _ in first })
        }

        fileprivate init(_ reader: Reader, version: Int) {
            (self.version, type, target, upcasters, adapt) = (version, reader.type, reader.target, reader.upcasters, reader.adapt)
        }

        fileprivate init(_ next: HypotheticalVersion) {
            (type, version, target, adapt) = (next.type, next.version, next.version, next.revert)
            upcasters = Reader(next.type).upcasters.merging([next.upcaster.from: next.upcaster]) { first, _ in first }
        }

        /// Reads a body of this or an older version, or of a newer one that says that it may be read; nil for one that is too new.
        func read(_ json: JSONObject, version: Int64) throws -> (any Event)? {
            if version <= self.version { return try decode(json, version: version) }
            guard let oldest = try json.optionalInteger("readableFrom", in: 1...Int64.max), oldest <= self.version else { return nil }
            // What it says of itself may be mistaken. Then it waits, as if it had not said so.
            return try? decode(json, version: version)
        }

        private func decode(_ json: JSONObject, version: Int64) throws -> any Event {
            if version >= target, adapt == nil { return try type.init(from: json) }
            var json = json
            for older in Int(version)..<max(Int(version), target) {
                guard let upcaster = upcasters[older] else { throw JSONMismatch(key: "schemaVersion", expected: "a version with a way to version \(target)") }
                json = try upcaster(json)
            }
            return try type.init(from: adapt?(json) ?? json)
        }
    }

    /// The known types, in the order given.
    public let types: [any Event.Type]
    private let readers: [String: Reader]

    /// A registry of these types with their upcasters.
    public init(_ types: [any Event.Type]) { self.init(types, types.map { Reader($0) }) }

    private init(_ types: [any Event.Type], _ readers: [Reader]) {
        self.types = types
        self.readers = Dictionary(readers.map { ($0.type.type, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The type of a name, or nil when this program does not know it.
    public subscript(name: String) -> (any Event.Type)? { readers[name]?.type }

    func reader(of name: String) -> Reader? { readers[name] }

    /// The newest version of a type that is known here; nil for an unknown type.
    public func version(of name: String) -> Int? { readers[name]?.version }

    /// The same reader before its last update: of each type it knows one version less, but the first. What it may not read it does not read, as ``Envelope``
    /// decides; what it may read it reads with today's types.
    public var previous: EventRegistry {
        EventRegistry(types, types.compactMap { readers[$0.type] }.map { Reader($0, version: max(1, $0.version - 1)) })
    }

    /// The same reader after an update that gives some types another version. For tests and simulations of mixed versions.
    public func updated(with versions: [HypotheticalVersion]) -> EventRegistry {
        let byName = Dictionary(versions.map { ($0.type.type, $0) }, uniquingKeysWith: { first, _ in first })
        return EventRegistry(types, types.compactMap { type in byName[type.type].map { Reader($0) } ?? readers[type.type] })
    }

    /// Versions of types that cannot be brought up to date, in words; empty when every version has its upcaster.
    public var gaps: [String] {
        types.flatMap { type in
            let steps = type.upcasters.map(\.from).sorted()
            if steps != Array(1..<max(1, type.schemaVersion)) {
                return ["\(type.type) is at version \(type.schemaVersion) and needs one upcaster from each version before; it has them from \(steps)"]
            }
            let claims = type.upcasters.map { ($0.from, $0.readableFrom) } + [(type.schemaVersion, type.readableFrom)]
            return claims.filter { !(1...$0.0).contains($0.1) }.map { "\(type.type) version \($0.0) cannot be readable from version \($0.1)" }
        }
    }
}
