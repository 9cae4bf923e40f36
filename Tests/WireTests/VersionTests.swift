import Testing
import Wire

@Suite("Versions of events")
struct VersionTests {
    private let first = EventRegistry([Parcel.First.self])
    private let second = EventRegistry([Parcel.Second.self])
    private let third = EventRegistry([Parcel.Third.self])
    private static func id(_ number: UInt64) -> Identifier { Identifier(high: 0, low: number) }
    private func wrap(_ event: some Event) -> Envelope {
        let time = Timestamp(milliseconds: 5)
        return Envelope(id: VersionTests.id(1), source: "parcels", key: VersionTests.id(2), correlationID: VersionTests.id(3), time: time, event: event)
    }
    private func read(_ body: [UInt8], _ registry: EventRegistry) throws -> any Event { try Envelope(body: body, registry: registry).event }

    @Test("a body of any older version is brought up to date step by step, and stays as it was written")
    func upcasting() throws {
        let old = wrap(Parcel.First(pounds: 2))
        let read = try Envelope(body: old.body, registry: third)
        #expect((read.event as? Parcel.Third)?.grams == 908)
        #expect((read.event as? Parcel.Third)?.carrier == "unknown")
        #expect(read.body == old.body)
        let newer = try self.read(wrap(Parcel.Second(pounds: 3, carrier: "post")).body, third) as? Parcel.Third
        #expect(newer?.grams == 1362)
        #expect(newer?.carrier == "post")
        #expect((try self.read(wrap(Parcel.Third(grams: 7, carrier: "post")).body, third) as? Parcel.Third)?.grams == 7)
    }

    @Test("an upcaster that does not understand a body says so, as a reader does")
    func brokenBodies() {
        let body = Array(String(decoding: wrap(Parcel.First(pounds: 2)).body, as: UTF8.self).replacing("\"pounds\":2", with: "\"pounds\":\"2\"").utf8)
        #expect(throws: JSONMismatch(key: "pounds", expected: "a 64-bit integer")) { try read(body, third) }
    }

    @Test("an older reader reads what says that it may, and ignores what it does not know")
    func tolerance() throws {
        let body = wrap(Parcel.Second(pounds: 3, carrier: "post")).body
        #expect(String(decoding: body, as: UTF8.self).contains(#""schemaVersion":2,"readableFrom":1,"#))
        let envelope = try Envelope(body: body, registry: first)
        #expect((envelope.event as? Parcel.First)?.pounds == 3)
        #expect(envelope.isReadable)
        #expect(envelope.body == body)
    }

    @Test("what an older reader may not read is no error where it arrives, but not readable either")
    func waiting() throws {
        let body = wrap(Parcel.Third(grams: 7, carrier: "post")).body
        #expect(!String(decoding: body, as: UTF8.self).contains("readableFrom"))
        for registry in [first, second] {
            #expect(throws: UnknownEvent.self) { try Envelope(body: body, registry: registry) }
            let envelope = try Envelope(arriving: body, key: VersionTests.id(2), registry: registry, sequence: 4)
            #expect(!envelope.isReadable)
            #expect(envelope.event is UnreadableEvent)
            #expect([envelope.id, envelope.key] == [VersionTests.id(1), VersionTests.id(2)])
            #expect(envelope.type == "Parcel")
            #expect(envelope.sequence == 4)
            #expect(envelope.body == body)
        }
        let unknown = try Envelope(arriving: body, key: VersionTests.id(9), registry: EventRegistry([]))
        #expect(!unknown.isReadable)
        #expect(unknown.key == VersionTests.id(9))
        #expect(try Envelope(arriving: body, key: VersionTests.id(2), registry: third).isReadable)
        #expect(throws: JSONMismatch.self) { try Envelope(arriving: Array("{}".utf8), key: VersionTests.id(2), registry: third) }
    }

    @Test("a newer body that claims too much waits; one of a known version that is broken does not")
    func mistakenClaims() throws {
        let mistaken = Array(String(decoding: wrap(Parcel.Second(pounds: 3, carrier: "post")).body, as: UTF8.self).replacing("pounds", with: "stones").utf8)
        #expect(try !Envelope(arriving: mistaken, key: VersionTests.id(2), registry: first).isReadable)
        #expect(throws: UnknownEvent.self) { try Envelope(body: mistaken, registry: first) }
        #expect(throws: JSONMismatch.self) { try Envelope(arriving: mistaken, key: VersionTests.id(2), registry: second) }
    }

    @Test("a registry one version behind reads, and lets wait, what that release would")
    func previous() throws {
        let (second, third) = (wrap(Parcel.Second(pounds: 3, carrier: "post")).body, wrap(Parcel.Third(grams: 7, carrier: "post")).body)
        let behind = self.third.previous
        #expect(behind.version(of: "Parcel") == 2)
        #expect((try read(second, behind) as? Parcel.Third)?.grams == 1362)
        #expect(throws: UnknownEvent.self) { try read(third, behind) }
        #expect(try read(second, self.second.previous) is Parcel.Second, "version 2 says that version 1 can read it")
        #expect(first.previous.version(of: "Parcel") == 1)
    }

    @Test("a hypothetical next version is written, read by its own release, and by today's as it claims", arguments: [2, 3])
    func hypothetical(readableFrom: Int) throws {
        let next = HypotheticalVersion(of: Parcel.Second.self, readableFrom: readableFrom) {
            $0.renaming("carrier", to: "company").setting("fragile", to: .bool(true))
        } revert: {
            $0.renaming("company", to: "carrier").removing("fragile")
        }
        let updated = second.updated(with: [next])
        let old = wrap(Parcel.First(pounds: 1)).body
        let body = try next.rewrite(wrap(Parcel.Second(pounds: 3, carrier: "post")).body)
        let json = try #require(try JSONParser.parse(body).object)
        #expect(json["schemaVersion"]?.integer == 3)
        #expect(json["company"]?.string == "post")
        #expect(json["readableFrom"]?.integer == (readableFrom == 2 ? 2 : nil))
        #expect(updated.version(of: "Parcel") == 3)
        #expect((try read(body, updated) as? Parcel.Second)?.carrier == "post")
        #expect((try read(old, updated) as? Parcel.Second)?.carrier == "unknown")
        #expect(updated.previous.version(of: "Parcel") == 2)
        #expect(try next.rewrite(old) == old, "another version is left alone")
    }

    @Test("registries know what they could not bring up to date")
    func gaps() {
        for registry in [first, second, third] { #expect(registry.gaps == []) }
        #expect(EventRegistry([Parcel.Careless.self]).gaps.count == 1)
        let body = wrap(Parcel.Second(pounds: 3, carrier: "post")).body
        #expect(throws: JSONMismatch.self) { try read(body, EventRegistry([Parcel.Careless.self])) }
    }

    @Test("members are set, removed, renamed and mapped in their places")
    func editing() throws {
        let object = try #require(try JSONParser.parse(Array(#"{"a":1,"b":[{"x":1},2],"c":null}"#.utf8)).object)
        func text(_ object: JSONObject) -> String { JSONValue.object(object).compact }
        #expect(text(object.setting("a", to: .bool(true))) == #"{"a":true,"b":[{"x":1},2],"c":null}"#)
        #expect(text(object.setting("d", to: .string("e"))) == #"{"a":1,"b":[{"x":1},2],"c":null,"d":"e"}"#)
        #expect(text(object.removing("b")) == #"{"a":1,"c":null}"#)
        #expect(text(object.renaming("b", to: "z")) == #"{"a":1,"z":[{"x":1},2],"c":null}"#)
        #expect(text(object.renaming("a", to: "c")) == #"{"c":1,"b":[{"x":1},2]}"#)
        #expect(object.renaming("nothing", to: "c") == object)
        #expect(object.renaming("a", to: "a") == object)
        #expect(text(object.mapping("b") { $0.renaming("x", to: "y") }) == #"{"a":1,"b":[{"y":1},2],"c":null}"#)
        #expect(object.mapping("a") { $0.removing("x") } == object)
    }
}
