import Platform
import Testing
import WaybillClient
import Wire

/// GraphQL with real tokens: what one may see and do is what the routes say.
@Suite("GraphQL and who asks", .timeLimit(.minutes(3)), .enabled(if: TestTopology.current == .embedded))
struct GraphQLOwnershipTests {
    /// Runs a platform that asks everybody who he is.
    private static func with(_ body: @escaping @Sendable (RunningPlatform, Cast) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let people = try await Cast(folder: folder)
            try await RunningPlatform.with(folder: folder) { configuration in
                configuration.authentication = .required(AuthenticationSettings())
                RunningPlatform.patient(&configuration)
            } _: { platform in
                try await body(platform, people)
            }
        }
    }

    private static func ask(_ platform: RunningPlatform, _ token: String?, _ document: String, _ variables: String? = nil) async throws -> JSONValue {
        try await platform.graphQL(document, variables, headers: token.map { [("Authorization", "Bearer " + $0)] } ?? [])
    }

    @Test("customers see and change what is theirs; what is another's is like what does not exist, in every field")
    func owners() async throws {
        try await GraphQLOwnershipTests.with { platform, people in
            let (admin, alice, mallory) = (people.roles["admin"], people.roles["customer"], people.stranger)
            let product = #"{"p":{"sku":"O1","name":"Owl","price":"4.50","currency":"GBP","availableQuantity":10}}"#
            let create = "mutation ($p: CreateProductInput!) { createProduct(input: $p) { id } }"
            #expect(try await GraphQLOwnershipTests.ask(platform, alice, create, product).errorCodes == ["forbidden"])
            #expect(try await GraphQLOwnershipTests.ask(platform, admin, create, product).errorCodes == [])

            let place = "mutation ($o: PlaceOrderInput!) { placeOrder(input: $o) { id customerId totalAmount } }"
            let placed = try await GraphQLOwnershipTests.ask(platform, alice, place, #"{"o":{"currency":"GBP","items":[{"sku":"O1","quantity":1}]}}"#)
            let id = try #require(placed["data"]?["placeOrder"]?["id"]?.string)
            #expect(placed["data"]?["placeOrder"]?["customerId"]?.string == "alice")
            let cheap = #"{"o":{"currency":"GBP","items":[{"sku":"O1","quantity":1,"price":"0.01"}]}}"#
            #expect(try await GraphQLOwnershipTests.ask(platform, alice, place, cheap).errorCodes == ["price-changed"])
            try await platform.eventually("the order is paid") {
                try await GraphQLOwnershipTests.ask(platform, alice, "{ order(id: \"\(id)\") { status } }")["data"]?["order"]?["status"]?.string == "PAID"
            }

            let all =
                "{ order(id: \"\(id)\") { id } payment(orderId: \"\(id)\") { status } notifications(orderId: \"\(id)\") { kind } timeline(orderId: \"\(id)\") { type } }"
            let mine = try await GraphQLOwnershipTests.ask(platform, alice, all)
            #expect(mine["errors"] == nil)
            #expect(mine["data"]?["payment"]?["status"]?.string == "CAPTURED")
            #expect(mine["data"]?["timeline"]?.array?.isEmpty == false)
            let theirs = try await GraphQLOwnershipTests.ask(platform, mallory, all)
            let nobodys = try await GraphQLOwnershipTests.ask(platform, mallory, all.replacing(id, with: "01890a5d-ac96-774b-bcce-b302099a8057"))
            #expect(theirs == nobodys)
            #expect(theirs.errorCodes == ["not-found", "not-found", "not-found", "not-found"])
            let change = "mutation { cancelOrder(id: \"\(id)\") { status } }"
            #expect(try await GraphQLOwnershipTests.ask(platform, mallory, change).errorCodes == ["not-found"])
            let list = "{ orders { nodes { id } } }"
            #expect(try await GraphQLOwnershipTests.ask(platform, mallory, list)["data"]?["orders"]?["nodes"] == .array([]))
            #expect(try await GraphQLOwnershipTests.ask(platform, alice, list)["data"]?["orders"]?["nodes"]?.array?.count == 1)
            #expect(
                try await GraphQLOwnershipTests.ask(platform, alice, "{ dashboard { rebuilding } metrics { events } }").errorCodes == [
                    "forbidden", "forbidden",
                ])
            #expect(try await GraphQLOwnershipTests.ask(platform, admin, "{ dashboard { rebuilding } metrics { events } }").errorCodes == [])
        }
    }

    @Test("nobody is let in without a token, not even to look at the schema")
    func strangers() async throws {
        try await GraphQLOwnershipTests.with { platform, people in
            for path in ["/graphql", "/api/v1/graphql"] {
                for headers in [[], [("Authorization", "Bearer nonsense")]] {
                    let request = ClientRequest(
                        method: "POST", path: path, headers: [("Content-Type", "application/json")] + headers,
                        body: Array(GraphQLCall.body("{ __schema { queryType { name } } }").utf8))
                    let answer = try await platform.client.send(request)
                    #expect(answer.status == 401, "\(path)")
                }
            }
            let known = try await GraphQLOwnershipTests.ask(platform, people.stranger, "{ __schema { queryType { name } } }")
            #expect(known["data"]?["__schema"]?["queryType"]?["name"]?.string == "Query")
        }
    }
}
