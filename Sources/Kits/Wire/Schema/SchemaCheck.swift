/// Compares the schemas of this program with those that were published: what is stored must stay readable, and so must what is written for older readers.
public struct SchemaCheck: Sendable {
    /// Something to tell.
    public struct Finding: Sendable, Equatable {
        /// The event and version it is about.
        public let type: String
        public let version: Int
        /// The rule, as in ``SchemaChange/Kind``, or one about whole schemas: `schema-removed`, `upcaster-missing`, `schema-added`, `readers-misled`.
        public let rule: String
        /// The member, as a JSON pointer; empty where it is about the whole schema.
        public let pointer: String
        /// What it is and what to do about it.
        public let words: String
        /// Whether it must not be released like that.
        public let isBreaking: Bool
    }

    /// All findings, the published schemas' first.
    public let findings: [Finding]
    /// Those that forbid a release.
    public var breaking: [Finding] { findings.filter(\.isBreaking) }

    /// - Parameters:
    ///   - types: the events of this program.
    ///   - published: the schemas of the release before, one per type and version.
    public init(_ types: [any Event.Type], against published: [EventSchema]) {
        let current = EventSchema.all(of: types)
        var findings = published.flatMap { old in SchemaCheck.compare(old, with: current) }
        for new in current where !published.contains(where: { $0.type == new.type && $0.version == new.version }) {
            findings.append(
                Finding(
                    type: new.type, version: new.version, rule: "schema-added", pointer: "", words: "is new; write its file (WAYBILL_REGENERATE=1)",
                    isBreaking: false))
        }
        for type in types { findings += SchemaCheck.promises(of: type, published: published, current: current) }
        self.findings = findings
    }

    private static func compare(_ old: EventSchema, with current: [EventSchema]) -> [Finding] {
        guard let new = current.first(where: { $0.type == old.type && $0.version == old.version }) else {
            let isKnown = current.contains { $0.type == old.type }
            let advice =
                isKnown
                ? "stored events of this version can no longer be read; keep its shape in an upcaster from version \(old.version)"
                : "stored events of this type can no longer be read; keep the type in the catalogue, also when nobody writes it any more"
            return [Finding(type: old.type, version: old.version, rule: "schema-removed", pointer: "", words: advice, isBreaking: true)]
        }
        return SchemaChange.between(old.document, and: new.document).map { change in
            let isBreaking = change.kind.breaksOldBodies || change.kind.breaksOldReaders
            return Finding(
                type: old.type, version: old.version, rule: change.kind.rawValue, pointer: change.pointer, words: words(change, old), isBreaking: isBreaking)
        }
    }

    private static func words(_ change: SchemaChange, _ schema: EventSchema) -> String {
        let harm =
            switch (change.kind.breaksOldBodies, change.kind.breaksOldReaders) {
            case (true, true): "events written before and readers from before would be misunderstood"
            case (true, false): "events written before would be refused"
            case (false, true): "readers from before would refuse what is written now"
            case (false, false): ""
            }
        guard !harm.isEmpty else { return "\(change.detail): compatible; write the file anew (WAYBILL_REGENERATE=1)" }
        return "\(change.detail): \(harm). Leave version \(schema.version) as it was and make version \(schema.version + 1) with an upcaster from it"
    }

    /// What a type claims of its versions: each leads to the next, and readers that a version names can read it.
    private static func promises(of type: any Event.Type, published: [EventSchema], current: [EventSchema]) -> [Finding] {
        func finding(_ version: Int, _ rule: String, _ pointer: String, _ words: String) -> Finding {
            Finding(type: type.type, version: version, rule: rule, pointer: pointer, words: words, isBreaking: true)
        }
        var findings = EventRegistry([type]).gaps.map { finding(type.schemaVersion, "upcaster-missing", "", $0) }
        let schemas = current.filter { $0.type == type.type }
        for schema in schemas {
            let readableFrom = schema.document["properties"]?["readableFrom"]?["const"]?.integer ?? Int64(schema.version)
            for older in schemas where older.version < schema.version && older.version >= readableFrom {
                for change in SchemaChange.between(older.body, and: schema.body) where change.kind.breaksOldReaders {
                    let words = "\(change.detail): readers of version \(older.version) would refuse it; raise readableFrom to \(older.version + 1)"
                    findings.append(finding(schema.version, "readers-misled", change.pointer, words))
                }
            }
        }
        return findings
    }
}

extension EventSchema {
    /// The document without what tells versions apart.
    fileprivate var body: JSONObject {
        guard let properties = document["properties"]?.object else { return document }
        return document.setting("properties", to: .object(properties.removing("schemaVersion").removing("readableFrom")))
    }
}
