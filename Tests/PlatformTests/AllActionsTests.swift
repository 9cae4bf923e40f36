import Testing
import WaybillClient
import Web
import Wire

@testable import Platform

/// One record of all privileged actions, whoever keeps a part of it.
@Suite("All actions", .timeLimit(.minutes(2)))
struct AllActionsTests {
    @Test("what was done to products and to programs is one list, page by page and by its filters, in the topology that is being tested")
    func together() async throws {
        try await RunningPlatform.with { shop in
            for number in 1...3 {
                let product = #"{"sku":"A\#(number)","name":"A","price":"1.00","currency":"GBP","availableQuantity":1}"#
                let made = try await shop.send("POST", "/inventory/products", product, headers: [("X-Waybill-Actor", "ann")])
                #expect(made.status == 201)
                let client = try await shop.send(
                    "POST", "/identity/clients", #"{"clientId":"shop\#(number)","roles":["service"]}"#, headers: [("X-Waybill-Actor", "bob")])
                #expect(client.status == 201)
            }
            var actions: [String] = []
            var cursor = ""
            repeat {
                let page = try await shop.send("GET", "/admin/actions?limit=2\(cursor.isEmpty ? "" : "&cursor=\(cursor)")").json
                let items = page["items"]?.array ?? []
                #expect(items.count <= 2)
                actions += items.compactMap { $0["action"]?.string }
                cursor = page["nextCursor"]?.string ?? ""
            } while !cursor.isEmpty && actions.count < 20
            #expect(
                actions.count == 6 && actions.filter { $0 == "client.create" }.count == 3 && actions.filter { $0 == "create-product" }.count == 3, "\(actions)")
            let whole = try await shop.send("GET", "/admin/actions").json
            let ids = whole["items"]?.array?.compactMap { $0["id"]?.string } ?? []
            #expect(ids.count == 6 && ids == ids.sorted(by: >) && whole["nextCursor"] == nil)
            let bobs = try await shop.send("GET", "/admin/actions?actor=bob").json["items"]?.array ?? []
            #expect(bobs.count == 3 && bobs.allSatisfy { $0["action"]?.string == "client.create" })
            let one = try await shop.send("GET", "/admin/actions?action=create-product&limit=1").json
            #expect(one["items"]?.array?.count == 1 && one["nextCursor"] != nil)
            let wrong = try await shop.send("GET", "/admin/actions?x=1")
            #expect(wrong.status == 400)
            let own = try await shop.send("GET", "/identity/actions").json["items"]?.array ?? []
            #expect(own.count == 3)
        }
    }

    private static func page(_ id: String) -> WebResponse { .json(bytes: Array(#"{"items":[{"id":"\#(id)"}]}"#.utf8)) }

    @Test("who may not read Identity's part is shown the rest, and a part that is missing is told")
    func parts() async throws {
        let (older, newer) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac97-774b-bcce-b302099a8057")
        func routes(_ identity: @escaping @Sendable () throws -> WebResponse) -> [Route] {
            [
                Route(.get, "/admin/actions", access: .roles([.admin, .support], .readOperations)) { _ in Self.page(older) },
                Route(.get, "/identity/actions", access: .roles([.admin], .readIdentity)) { request in
                    #expect(request.path == "/api/v1/identity/actions" && request.target == "/api/v1/identity/actions?limit=3")
                    return try identity()
                },
            ]
        }
        func ask(_ role: Role, _ routes: [Route]) async throws -> WebResponse {
            let joined = AllActions.joined(routes)
            #expect(joined.map(\.path) == routes.map(\.path))
            return try await joined[0].handle(
                WebRequest(
                    method: .get, path: "/api/v1/admin/actions", query: [("limit", "3")], id: Identifier(high: 1, low: 1),
                    target: "/api/v1/admin/actions?limit=3", principal: Principal(subject: "x", roles: [role])))
        }
        func ids(_ response: WebResponse) -> [String] {
            guard case .bytes(let bytes) = response.body else { return [] }
            return (try? JSONParser.parse(bytes))?["items"]?.array?.compactMap { $0["id"]?.string } ?? []
        }
        let all = try await ask(.admin, routes { Self.page(newer) })
        #expect(ids(all) == [newer, older])
        let some = try await ask(.support, routes { throw Problem.notFound("never asked") })
        #expect(ids(some) == [older])
        let missing = try await ask(.admin, routes { Problem.unavailable("away").response(instance: nil) })
        #expect(missing.status == .serviceUnavailable)
        let alone = routes { Self.page(newer) }.filter { $0.path == "/admin/actions" }
        let rest = try await ask(.admin, alone)
        #expect(ids(rest) == [older])
    }
}
