import TestDocuments
import Testing
import Web
import Wire

/// The document of the API against the routes that answer it.
@Suite("OpenAPI document")
struct OpenAPITests {
    @Test("every route is an operation with a name of its own, and declares the parameters of its path")
    func routes() async throws {
        let routes = try await APIRoutes.all()
        #expect(routes.count > 40)
        var seen: Set<String> = []
        for route in routes {
            guard let operation = route.operation else {
                Issue.record("\(route.method) \(route.path) declares no operation")
                continue
            }
            #expect(seen.insert(operation.id).inserted, "\(operation.id) is declared twice")
            let inPath = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            #expect(operation.parameters.filter { $0.place == .path }.map(\.name) == inPath, "\(operation.id)")
            #expect(operation.replies.contains { (200..<300).contains($0.status) }, "\(operation.id) says of no success")
            #expect(operation.body == nil || route.method != .get, "\(operation.id)")
        }
        for link in routes.compactMap(\.operation).flatMap(\.replies).flatMap(\.links) {
            #expect(seen.contains(link.operation), "a link leads to \(link.operation)")
        }
    }

    @Test("the platform gives the document that is checked in", .enabled(if: TestTopology.current == .embedded))
    func golden() async throws {
        try await RunningPlatform.with { platform in
            let response = try await platform.fetch("/openapi.json")
            let text = try JSONParser.parse(response.body).indented() + "\n"
            let checkedIn = try Document("docs/openapi.json").text(regeneratedAs: text)
            // Not the texts: a difference would print both.
            let isSame = checkedIn == text
            #expect(isSame, "docs/openapi.json is not what the platform says: run this test with WAYBILL_REGENERATE=1")
        }
    }

    @Test("every reference of the document leads somewhere, and every component is used")
    func references() async throws {
        let document = OpenAPIDocument(api: try await APIRoutes.all(), root: []).json
        let found = Set(OpenAPITests.references(in: document))
        for reference in found {
            let parts = reference.split(separator: "/").dropFirst().map(String.init)
            let target = parts.reduce(document as JSONValue?) { $0?[$1] }
            #expect(target != nil, "\(reference)")
        }
        for name in document["components"]?["schemas"]?.object?.members.map(\.key) ?? [] {
            #expect(found.contains("#/components/schemas/\(name)"), "nobody refers to \(name)")
        }
    }

    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .object(let object):
            object.members.flatMap { member -> [String] in
                if member.key == "$ref", let text = member.value.string { return [text] }
                return references(in: member.value)
            }
        case .array(let values): values.flatMap(references)
        default: []
        }
    }

    @Test("a query parameter that is not declared, given twice, missing or out of bounds is refused")
    func query() throws {
        let operation = APIOperation(
            "list", APITag("Tests", rank: 1, ""), "List",
            parameters: [
                .query("limit", .integer(1...10), ""), .query("state", .oneOf(["open", "closed"]), ""), .query("id", .identifier, "", isRequired: true),
                .query("from", .timestampOrDay, ""), .query("name", .text(1...3), ""), .query("all", .boolean, ""),
            ], APIReply(200, ""))
        func check(_ query: (name: String, value: String)...) -> String? {
            let request = WebRequest(method: .get, path: "/", query: query, id: Identifier(high: 1, low: 1))
            do { try operation.check(request) } catch { return error.detail }
            return nil
        }
        let id = (name: "id", value: "019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42")
        #expect(check(id) == nil)
        #expect(check(id, ("limit", "10"), ("state", "open"), ("from", "2026-11-21"), ("name", "\u{1F4E6}ab"), ("all", "false")) == nil)
        #expect(check() == "The query parameter \"id\" is required.")
        #expect(check(id, ("sort", "up"))?.contains("is unknown; known: limit, state") == true)
        #expect(check(id, id)?.contains("more than once") == true)
        for wrong in [
            ("limit", "0"), ("limit", "11"), ("limit", "1.0"), ("limit", ""), ("limit", "+1"), ("state", "Open"), ("from", "21.11.2026"), ("name", ""),
            ("name", "abcd"), ("all", "yes"),
        ] as [(String, String)] {
            #expect(check(id, (name: wrong.0, value: wrong.1)) != nil, "\(wrong)")
        }
    }
}
