import ArgumentParser
import Synchronization
import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("Dead letters on the command line")
struct DlqTests {
    private static let id = "inventory:01890a5d-ac96-774b-bcce-b302099a8057"

    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Waybill.parseAsRoot(["dlq"] + arguments) as? Command)
    }

    private func refuses(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try Waybill.parseAsRoot(["dlq"] + arguments) }
    }

    @Test("A redrive is of one, of a filter, or of all when that is said")
    func redrive() throws {
        #expect(try parse(DlqRedriveCommand.self, "redrive", DlqTests.id, "--dry-run").id == DlqTests.id)
        let many = try parse(DlqRedriveCommand.self, "redrive", "--consumer", "inventory", "--older-than", "10m", "--rate", "20", "--yes")
        #expect(many.options.selection.consumer == "inventory" && many.options.selection.olderThan == "10m" && many.rate == 20 && many.yes)
        #expect(try parse(DlqRedriveCommand.self, "redrive", "--all").all)
        refuses("redrive")
        refuses("redrive", DlqTests.id, "--all")
        refuses("redrive", DlqTests.id, "--consumer", "inventory")
        refuses("redrive", "--all", "--rate", "0")
        refuses("redrive", "--all", "--note", "x")
        refuses("list", "--state", "dead")
        refuses("archive", DlqTests.id)
        refuses("edit", DlqTests.id)
        refuses("edit", DlqTests.id, "--set", "/a=1", "--file", "x")
    }

    @Test("A change goes to its place, new members at the end")
    func changes() throws {
        let event = try JSONParser.parse(Array(#"{"items":[{"quantity":0},{"quantity":7}],"a/b":1,"text":"x"}"#.utf8))
        func changed(_ argument: String) throws -> String {
            var json = JSONWriter()
            json.value(try #require(DlqChangeArgument(argument: argument)).apply(to: event))
            return String(decoding: json.bytes, as: UTF8.self)
        }
        #expect(try changed("/items/0/quantity=2") == #"{"items":[{"quantity":2},{"quantity":7}],"a/b":1,"text":"x"}"#)
        #expect(try changed("/a~1b=null") == #"{"items":[{"quantity":0},{"quantity":7}],"a/b":null,"text":"x"}"#)
        #expect(try changed("/text=a=b") == #"{"items":[{"quantity":0},{"quantity":7}],"a/b":1,"text":"a=b"}"#)
        #expect(try changed(#"/new={"c":[1]}"#) == #"{"items":[{"quantity":0},{"quantity":7}],"a/b":1,"text":"x","new":{"c":[1]}}"#)
        for argument in ["/items/2/quantity=1", "/items/x=1", "/none/deeper=1", "/text/deeper=1"] {
            #expect(throws: DlqChangeArgument.NoSuchPlace.self) { try changed(argument) }
        }
        #expect(DlqChangeArgument(argument: "items=1") == nil)
        #expect(DlqChangeArgument(argument: "/items") == nil)
    }

    @Test("A redrive of many is counted first, begun in somebody's name, and watched to its end")
    func bulk() async throws {
        let asked = Mutex<[String]>([])
        let platform = try await FakePlatform.start { request in
            let step = asked.withLock { asked in
                asked.append("\(request.method) \(request.path) \(String(decoding: request.body, as: UTF8.self))")
                return asked.count
            }
            func run(_ state: String, _ redriven: Int) -> String {
                #"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","state":"\#(state)","total":3,"redriven":\#(redriven),"failed":0,"skipped":0}"#
            }
            switch step {
            case 1: return .init(body: #"{"total":3,"groups":[]}"#)
            case 2: return .init(status: 202, body: run("running", 0))
            case 3: return .init(body: run("running", 2))
            default: return .init(body: run("finished", 3))
            }
        }
        var selection = DeadLetterSelection()
        selection.consumer = "inventory"
        let bulk = DlqBulkRedrive(
            selection: selection, rate: 20, stopAfter: 5, actor: "ada", isDryRun: false, isConfirmed: true, isJSON: true, interval: .milliseconds(1))
        #expect(try await ClientOptions.withAPI(at: platform.url, connections: 1) { try await bulk($0) })
        let path = "/api/v1/admin/dead-letters"
        #expect(
            asked.withLock { $0 } == [
                #"POST \#(path)/redrive {"consumer":"inventory","rate":20,"preview":true}"#,
                #"POST \#(path)/redrive {"consumer":"inventory","rate":20,"stopAfter":5}"#,
                "GET \(path)/redrives/01890a5d-ac96-774b-bcce-b302099a8057 ", "GET \(path)/redrives/01890a5d-ac96-774b-bcce-b302099a8057 ",
            ])
        try await platform.stop()
    }

    @Test("Without a yes and without a person nothing is begun")
    func unasked() async throws {
        let asked = Mutex<Int>(0)
        let platform = try await FakePlatform.start { _ in
            asked.withLock { $0 += 1 }
            return .init(body: #"{"total":3,"groups":[]}"#)
        }
        let bulk = DlqBulkRedrive(
            selection: DeadLetterSelection(), rate: 20, stopAfter: 5, actor: nil, isDryRun: false, isConfirmed: false, isJSON: true,
            confirm: { try Confirmation.ask($0, isPersonThere: false, answer: { "y" }) })
        await #expect(throws: Confirmation.Refusal.self) { _ = try await ClientOptions.withAPI(at: platform.url, connections: 1) { try await bulk($0) } }
        #expect(asked.withLock { $0 } == 1)
        #expect(throws: Confirmation.Refusal.self) { try Confirmation.ask("Sure?", isPersonThere: true, answer: { "" }) }
        #expect(throws: Confirmation.Refusal.self) { try Confirmation.ask("Sure?", isPersonThere: true, answer: { nil }) }
        try Confirmation.ask("Sure?", isPersonThere: true, answer: { "Yes" })
        try await platform.stop()
    }
}
