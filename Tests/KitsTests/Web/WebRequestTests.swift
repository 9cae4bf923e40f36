import HTTPTypes
import Testing
import Wire

@testable import Web

@Suite("Web request")
struct WebRequestTests {
    private func request(
        _ body: String = "{}", type: String? = "application/json", query: [(name: String, value: String)] = [], parameters: [String: String] = [:]
    ) -> WebRequest {
        WebRequest(
            method: .post, path: "/x", parameters: parameters, query: query, headers: type.map { [.contentType: $0] } ?? [:], body: Array(body.utf8),
            id: Identifier(high: 0, low: 0))
    }
    private func status(_ body: () throws -> Void) -> Int? {
        do { try body() } catch let problem as Problem { return problem.status.code } catch { return -1 }
        return nil
    }

    @Test(
        "a body is JSON by its content type, with parameters and in any case",
        arguments: ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", " application/json ;x=y"])
    func json(type: String) throws { #expect(try request("{\"a\":1}", type: type).object()["a"]?.integer == 1) }

    @Test("another content type is 415", arguments: [nil, "", "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "application/json2"])
    func otherTypes(type: String?) { #expect(status { _ = try request(type: type).object() } == 415) }

    @Test("an absent body is an empty object where it may be left out")
    func optional() throws {
        #expect(try request("", type: nil).optionalObject().members.isEmpty)
        #expect(status { _ = try request("", type: nil).object() } == 415)
        #expect(status { _ = try request("[1]").optionalObject() } == 422)
        #expect(status { _ = try request("{").optionalObject() } == 400)
    }

    @Test("parameters are read strictly: no doubles, no unknown ones, numbers within bounds")
    func parameters() throws {
        let request = request(
            query: [("limit", "7"), ("a", "1"), ("a", "2"), ("at", "2026-11-21"), ("bad", "x")],
            parameters: ["id": "00000000-0000-0000-0000-000000000009", "no": "x"])
        #expect(try request.integer("limit", in: 1...10, default: 3) == 7)
        #expect(try request.integer("absent", in: 1...10, default: 3) == 3)
        #expect(status { _ = try request.integer("limit", in: 8...10, default: 9) } == 400)
        #expect(status { _ = try request.integer("bad", in: 1...10, default: 9) } == 400)
        #expect(status { _ = try request.parameter("a") } == 400)
        #expect(try request.timestamp("at") == Timestamp("2026-11-21T00:00:00Z"))
        #expect(try request.timestamp("absent") == nil)
        #expect(status { _ = try request.timestamp("bad") } == 400)
        #expect(try request.identifier("id", of: "thing") == Identifier(high: 0, low: 9))
        #expect(status { _ = try request.identifier("no", of: "thing") } == 404)
        #expect(status { _ = try request.identifier("absent", of: "thing") } == 404)
    }

    @Test("a list names its next page by an opaque cursor, and only when there is one")
    func pages() throws {
        let rows = (1...3).map { Identifier(high: UInt64.max / UInt64($0), low: UInt64($0)) }
        func cursor(_ limit: Int) throws -> String? {
            guard case .bytes(let bytes) = try Page(request(query: [("limit", "\(limit)")])).response(rows, id: { $0 }, { $0.identifier($1) }).body else {
                return nil
            }
            let json = try JSONParser.parse(bytes)
            #expect(json["items"]?.array?.count == min(limit, 3))
            return json["nextCursor"]?.string
        }
        #expect(try cursor(3) == nil)
        #expect(try cursor(4) == nil)
        for limit in 1...2 {
            let next = try #require(try cursor(limit))
            #expect(try Page(request(query: [("cursor", next)])).after == rows[limit - 1])
            #expect(Identifier(next) == nil)
        }
        for wrong in [
            "", "c", rows[0].description, String(repeating: "c", count: 33) + "x", "c" + String(repeating: "g", count: 32),
            "c" + String(repeating: "\u{E9}", count: 32),
        ] {
            #expect(status { _ = try Page(request(query: [("cursor", wrong)])) } == 400, "\(wrong)")
        }
        #expect(try Page(request()).limit == 50)
    }

    @Test("who asks is named by a header, or nobody in particular")
    func actor() throws {
        func named(_ name: String?) -> WebRequest {
            WebRequest(method: .post, path: "/x", headers: name.map { [.actor: $0] } ?? [:], id: Identifier(high: 0, low: 0))
        }
        #expect(try named("  Ada Lovelace ").actor() == "Ada Lovelace")
        #expect(try named(nil).actor() == "anonymous admin")
        #expect(try named(" ").actor() == "anonymous admin")
        #expect(status { _ = try named(String(repeating: "x", count: 101)).actor() } == 400)
    }
}

@Suite("Body reader")
struct BodyReaderTests {
    private func read(_ text: String, _ body: (BodyReader) -> Void) throws -> [String] {
        let reader = BodyReader(try #require(try JSONParser.parse(Array(text.utf8)).object))
        body(reader)
        do { try reader.finish() } catch {
            #expect(error.status.code == 422)
            #expect(!reader.isValid)
            return error.violations.map(\.pointer)
        }
        #expect(reader.isValid)
        return []
    }

    @Test("every mistake is collected with its pointer, at any depth")
    func pointers() throws {
        let found = try read(#"{"a":1,"b":"","list":[{"c":"x"},7,{"c":"y","d":[{"e":null}]}],"x/y~z":1,"map":{"k/1":5,"ok":"v"}}"#) { body in
            body.allow("a", "b", "list", "map")
            _ = body.string("a", maximum: 5)
            _ = body.string("b", maximum: 5)
            for element in body.objects("list", count: 1...5) ?? [] {
                _ = element.integer("c", required: true, in: 0...1)
                for inner in element.objects("d", count: 1...5) ?? [] { _ = inner.bool("e") ?? inner.identifier("e", required: true).map { _ in true } }
            }
            _ = body.stringMap("map", maximumEntries: 5, maximumLength: 5)
            _ = body.timestamp("b")
            _ = body.identifier("missing", required: true)
            body.refuse("", "is strange")
        }
        #expect(found == ["/x~1y~0z", "/a", "/b", "/list/1", "/list/0/c", "/list/2/c", "/list/2/d/0/e", "/map/k~11", "/b", "/missing", ""])
    }

    @Test("what is right is handed on")
    func values() throws {
        let found = try read(
            #"{"s":"x","i":-5,"t":true,"n":null,"at":"2026-11-21T00:00:00Z","d1":"1.50","d2":1.50,"m":{"b":"2","a":"1"},"id":"00000000-0000-0000-0000-000000000009"}"#
        ) { body in
            #expect(body.string("s", maximum: 1) == "x")
            #expect(body.integer("i", in: -5...5) == -5)
            #expect(body.bool("t") == true)
            #expect(body.string("n", maximum: 1) == nil)
            #expect(body.timestamp("at") == Timestamp("2026-11-21T00:00:00Z"))
            #expect(body.decimal("d1") == "1.50")
            #expect(body.decimal("d2") == "1.50", "a number keeps its text, so nothing is rounded")
            #expect(body.stringMap("m", maximumEntries: 2, maximumLength: 1).map(\.0) == ["b", "a"])
            #expect(body.identifier("id") == Identifier(high: 0, low: 9))
        }
        #expect(found == [])
    }

    @Test("a flood of mistakes is told up to a hundred")
    func flood() throws {
        let text = "{" + (0..<300).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        #expect(try read(text) { $0.allow("a") }.count == 100)
    }
}

@Suite("Problem")
struct ProblemTests {
    @Test("a refusal is told as RFC 9457 says, with its own members and headers")
    func response() throws {
        let problem = Problem(
            .conflict, "order-not-cancellable", "Too \"late\".", violations: [.init(pointer: "/a", detail: "is wrong")], headers: [.retryAfter: "3"]
        ) { $0.member("currentStatus", "SHIPPED") }
        let response = problem.response(instance: Identifier(high: 0, low: 9))
        #expect(response.status.code == 409)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(response.headers[.retryAfter] == "3")
        guard case .bytes(let bytes) = response.body else { return }
        let expected = """
            {"type":"https://waybill.dev/problems/order-not-cancellable","title":"Order not cancellable","status":409,"detail":"Too \\"late\\".",\
            "instance":"urn:uuid:00000000-0000-0000-0000-000000000009","errors":[{"pointer":"/a","detail":"is wrong"}],"currentStatus":"SHIPPED"}
            """
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}
