import Testing

@testable import Wire

@Suite("Schemas and what may change in them")
struct SchemaTests {
    private static func schema(_ members: [EventMember], version: Int = 1) -> EventSchema {
        EventSchema(type: "Parcel", topic: "parcels", keyName: "orderId", version: version, readableFrom: version, shape: EventShape("A parcel.", members))
    }
    private static let lines: [EventMember] = [.required("sku", .text, "What."), .optional("note", .text, "A note.")]
    private static let members: [EventMember] = [
        .required("name", .text, "Its name."), .optional("note", .text, "A note."), .required("count", .integer(1...10), "How many."),
        .required("kind", .oneOf(["big", "small"]), "Which."), .required("code", .matching("^[A-Z]$", examples: ["A"]), "A code."),
        .required("lines", .objects(lines), "What is in it."), .required("id", .identifier, "Which one."),
    ]

    /// A change of one member, and what must be found.
    struct Change: Sendable, CustomTestStringConvertible {
        let name: String
        let becomes: [EventMember]
        let pointer: String
        let kind: SchemaChange.Kind
        init(_ name: String, _ becomes: [EventMember], at pointer: String? = nil, _ kind: SchemaChange.Kind) {
            (self.name, self.becomes, self.kind) = (name, becomes, kind)
            self.pointer = pointer ?? "/\(name)"
        }
        var testDescription: String { "\(kind.rawValue) at \(pointer)" }
    }
    static let changes: [Change] = [
        Change("name", [], .memberRemoved),
        Change("note", [], .memberRemoved),
        Change("name", [.required("name", .text, "Its name."), .optional("colour", .text, "New.")], at: "/colour", .memberAdded),
        Change("name", [.required("name", .text, "Its name."), .required("colour", .integer, "New.")], at: "/colour", .requiredMemberAdded),
        Change("note", [.required("note", .text, "A note.")], .becameRequired),
        Change("name", [.optional("name", .text, "Its name.")], .becameOptional),
        Change("name", [.required("name", .integer, "Its name.")], .typeChanged),
        Change("name", [.required("name", .boolean, "Its name.")], .typeChanged),
        Change("name", [.required("name", .objects([]), "Its name.")], .typeChanged),
        Change("name", [.required("name", .identifier, "Its name.")], .formChanged),
        Change("id", [.required("id", .timestamp, "Which one.")], .formChanged),
        Change("id", [.required("id", .text, "Which one.")], .formChanged),
        Change("code", [.required("code", .matching("^[a-z]$", examples: ["a"]), "A code.")], .formChanged),
        Change("kind", [.required("kind", .oneOf(["big"]), "Which.")], .valuesRemoved),
        Change("name", [.required("name", .oneOf(["big"]), "Its name.")], .valuesRemoved),
        Change("kind", [.required("kind", .oneOf(["big", "middle", "small"]), "Which.")], .valuesAdded),
        Change("kind", [.required("kind", .text, "Which.")], .valuesAdded),
        Change("count", [.required("count", .integer(2...10), "How many.")], .boundsNarrowed),
        Change("count", [.required("count", .integer(1...9), "How many.")], .boundsNarrowed),
        Change("count", [.required("count", .integer(0...10), "How many.")], .boundsWidened),
        Change("count", [.required("count", .integer(atLeast: 1), "How many.")], .boundsWidened),
        Change("lines", [.required("lines", .objects([lines[0]]), "What is in it.")], at: "/lines/note", .memberRemoved),
        Change("lines", [.required("lines", .objects([.required("sku", .integer, "What."), lines[1]]), "In it.")], at: "/lines/sku", .typeChanged),
        Change("lines", [.required("lines", .objects(lines + [.required("more", .text, "More.")]), "In it.")], at: "/lines/more", .requiredMemberAdded),
    ]

    private static func changed(_ change: Change) -> EventSchema { schema(members.flatMap { $0.name == change.name ? change.becomes : [$0] }) }

    @Test("every kind of change is found, named and weighed", arguments: changes)
    func found(_ change: Change) throws {
        let found = SchemaChange.between(SchemaTests.schema(SchemaTests.members).document, and: SchemaTests.changed(change).document)
        #expect(found.map(\.kind) == [change.kind])
        #expect(found.map(\.pointer) == [change.pointer])
        let isHarmless = !change.kind.breaksOldBodies && !change.kind.breaksOldReaders
        #expect(isHarmless == (change.kind == .memberAdded), "the only change without a new version is an optional member more")
    }

    @Test("the table of changes has every kind") func table() { #expect(Set(SchemaTests.changes.map(\.kind)) == Set(SchemaChange.Kind.allCases)) }

    @Test("a member under a new name is found as one that is gone and one that is new, and the heir is named")
    func renaming() throws {
        let renamed = SchemaTests.schema(SchemaTests.members.map { $0.name == "name" ? .required("title", .text, "Its title.") : $0 })
        let found = SchemaChange.between(SchemaTests.schema(SchemaTests.members).document, and: renamed.document)
        #expect(found.map(\.kind) == [.memberRemoved, .requiredMemberAdded])
        #expect(found.first?.detail == "is gone; title looks like it under a new name")
    }

    @Test("words for people may change at any time")
    func descriptions() {
        let reworded = SchemaTests.members.map { EventMember(name: $0.name, form: $0.form, isRequired: $0.isRequired, description: "New words.") }
        #expect(SchemaChange.between(SchemaTests.schema(SchemaTests.members).document, and: SchemaTests.schema(reworded).document) == [])
    }

    struct Crate: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 1
        static let shape = EventShape("A parcel.", members)
        func write(to json: inout JSONWriter) {}
        init(from json: JSONObject) throws {}
    }

    @Test("a breaking change without a new version is refused and told what to do; an optional member more is not", arguments: changes)
    func refusal(_ change: Change) throws {
        // The other way round: what was published has the changed member, and the program takes the change back.
        let published = SchemaTests.changed(change)
        let expected = SchemaChange.between(published.document, and: SchemaTests.schema(SchemaTests.members).document)
        let findings = SchemaCheck([Crate.self], against: [published]).findings
        #expect(!findings.isEmpty)
        #expect(findings.map(\.rule) == expected.map(\.kind.rawValue))
        #expect(findings.map(\.pointer) == expected.map(\.pointer))
        #expect(findings.map(\.isBreaking) == expected.map { $0.kind != .memberAdded })
        for finding in findings {
            let advice = "Leave version 1 as it was and make version 2 with an upcaster from it"
            #expect(finding.words.hasSuffix(finding.isBreaking ? advice : "compatible; write the file anew (WAYBILL_REGENERATE=1)"))
        }
    }

    @Test("a new version with its upcaster and an honest claim is accepted; its old version must stay")
    func newVersions() {
        let (first, second) = (EventSchema.all(of: [Parcel.First.self]), EventSchema.all(of: [Parcel.Second.self]))
        let third = EventSchema.all(of: [Parcel.Third.self])
        #expect(third.map(\.version) == [1, 2, 3])
        #expect(Array(third.prefix(2)).map(\.document) == second.map(\.document), "a version's schema does not change when it becomes an old one")
        let check = SchemaCheck([Parcel.Second.self], against: first)
        #expect(check.breaking == [])
        #expect(check.findings.map(\.rule) == ["schema-added"])
        #expect(SchemaCheck([Parcel.Third.self], against: second).breaking == [])
        #expect(SchemaCheck([Parcel.Third.self], against: third).findings == [])
        let lost = SchemaCheck([Parcel.First.self], against: second)
        #expect(lost.breaking.map(\.rule) == ["schema-removed"])
        #expect(SchemaCheck([], against: first).breaking.map(\.rule) == ["schema-removed"])
    }

    @Test("a version without a way from the one before, and a claim that is not true, are refused")
    func carelessness() {
        let check = SchemaCheck([Parcel.Careless.self], against: EventSchema.all(of: [Parcel.Second.self]))
        #expect(check.breaking.contains { $0.rule == "upcaster-missing" })
        #expect(check.breaking.contains { $0.rule == "schema-removed" && $0.version == 2 })
        let misled = SchemaCheck([Parcel.Misleading.self], against: EventSchema.all(of: [Parcel.Second.self]))
        #expect(misled.breaking.map(\.rule) == ["readers-misled"])
        #expect(misled.breaking.map(\.pointer) == ["/pounds"])
    }

    @Test("a schema is read back from its text; what is none is refused")
    func reading() throws {
        let schema = SchemaTests.schema(SchemaTests.members, version: 4)
        let object = try #require(try JSONParser.parse(Array(schema.text.utf8)).object)
        let read = try EventSchema(object)
        #expect(read.document == schema.document)
        #expect((read.type, read.version) == ("Parcel", 4))
        #expect(schema.fileName == "Parcel.v4.json")
        #expect(object["$id"]?.string == "https://waybill.dev/schemas/Parcel.v4.json")
        #expect(throws: JSONMismatch.self) { try EventSchema(JSONObject(members: [])) }
        #expect(throws: JSONMismatch.self) {
            try EventSchema(object.setting("properties", to: .object(try #require(object["properties"]?.object).removing("schemaVersion"))))
        }
    }

    @Test("indented text is the same document, readable")
    func indentation() throws {
        let text = #"{"a":{},"b":[],"c":[1,"x\n"],"d":[{"e":null},[true]]}"#
        let value = try JSONParser.parse(Array(text.utf8))
        let indented = value.indented()
        #expect(try JSONParser.parse(Array(indented.utf8)) == value)
        #expect(value.compact == text)
        #expect(
            indented == """
                {
                  "a": {},
                  "b": [],
                  "c": [1, "x\\n"],
                  "d": [
                    {
                      "e": null
                    },
                    [true]
                  ]
                }
                """)
    }
}
