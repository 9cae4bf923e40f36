import Contracts
import TestDocuments
import Testing
import Wire

/// The document of the events against the catalogue.
@Suite("AsyncAPI document")
struct AsyncAPITests {
    private static let document = AsyncAPIDocument.json

    @Test("the document is the one that is checked in")
    func golden() throws {
        let text = AsyncAPITests.document.indented() + "\n"
        let checkedIn = try Document("docs/asyncapi.json").text(regeneratedAs: text)
        // Not the texts: a difference would print both.
        let isSame = checkedIn == text
        #expect(isSame, "docs/asyncapi.json is not what the events say: run this test with WAYBILL_REGENERATE=1")
    }

    @Test("every event is a message on its topic's channel, and is sent by one service")
    func messages() throws {
        let operations = try #require(AsyncAPITests.document["operations"]?.object)
        for type in EventCatalog.types {
            #expect(AsyncAPITests.document["channels"]?[type.topic]?["messages"]?[type.type] != nil, "\(type.type)")
            #expect(AsyncAPITests.document["components"]?["messages"]?[type.type]?["payload"]?["properties"]?["eventId"] != nil, "\(type.type)")
            let reference = JSONValue.string("#/channels/\(type.topic)/messages/\(type.type)")
            let senders = operations.members.filter { member in
                member.value["action"]?.string == "send" && member.value["messages"]?.array?.contains { $0["$ref"] == reference } == true
            }
            #expect(senders.count == 1, "\(type.type) is sent by \(senders.map(\.key))")
        }
    }

    @Test("every reference leads somewhere")
    func references() {
        func check(_ value: JSONValue) {
            if let target = value["$ref"]?.string {
                let parts = target.split(separator: "/").dropFirst().map(String.init)
                #expect(parts.reduce(AsyncAPITests.document as JSONValue?) { $0?[$1] } != nil, "\(target)")
            }
            for member in value.object?.members ?? [] { check(member.value) }
            for element in value.array ?? [] { check(element) }
        }
        check(AsyncAPITests.document)
    }
}
