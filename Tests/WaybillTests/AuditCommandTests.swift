import ArgumentParser
import Testing
import Wire

@testable import waybill

@Suite("Audit on the command line")
struct AuditCommandTests {
    @Test("A folder and an address exclude each other")
    func arguments() throws {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057"
        let command = try #require(try Waybill.parseAsRoot(["audit", "--order", id, "--repair", "--json"]) as? AuditCommand)
        #expect(command.order == Identifier(id))
        #expect(command.repair && command.client.json)
        #expect(try (Waybill.parseAsRoot(["orders", "explain", id]) as? OrdersExplainCommand)?.id == Identifier(id))
        #expect(try (Waybill.parseAsRoot(["audit", "--config", "x.yaml"]) as? AuditCommand)?.config == "x.yaml")
        for arguments in [
            ["audit", "--data", ""], ["audit", "--data", "x", "--url", "http://y"], ["audit", "--config", "x", "--data", "y"],
            ["audit", "--config", "x", "--repair"], ["audit", "--order", "1"], ["orders", "explain"],
        ] {
            #expect(throws: (any Error).self) { try Waybill.parseAsRoot(arguments) }
        }
    }

    @Test("The pieces of an audit become one document")
    func pieces() throws {
        func piece(_ text: String) throws -> AuditResult { AuditResult(try #require(try JSONParser.parse(Array(text.utf8)).object)) }
        var result = AuditResult()
        result.add(try piece(#"{"orders":5,"products":2,"findings":[{"rule":"S1-sold","productId":"p","evidence":"e","proposal":"r"}],"undecided":["a"]}"#))
        result.add(try piece(#"{"orders":3,"products":0,"findings":[],"undecided":[],"repairs":[{"rule":"S1-sold","done":true}]}"#))
        #expect((result.orders, result.products, result.findings.count, result.repairs.count) == (8, 2, 1, 1))
        #expect(
            String(decoding: result.json, as: UTF8.self)
                == #"{"clean":false,"orders":8,"products":2,"findings":[{"rule":"S1-sold","productId":"p","evidence":"e","proposal":"r"}],"repairs":[{"rule":"S1-sold","done":true}],"undecided":["a"]}"#
        )
    }
}
