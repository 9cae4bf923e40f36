import ArgumentParser
import Contracts
import Testing
import WaybillClient
import Wire

@testable import waybill

@Suite("Arguments of the commands")
struct ArgumentTests {
    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Waybill.parseAsRoot(arguments) as? Command)
    }

    private func refuses(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try Waybill.parseAsRoot(arguments) }
    }

    @Test("Every command has an example in its help")
    func examples() {
        func check(_ command: any ParsableCommand.Type) {
            let help = command.helpMessage(columns: 120)
            #expect(help.contains("waybill "), "\(command) shows no example")
            for child in command.configuration.subcommands { check(child) }
        }
        check(Waybill.self)
    }

    @Test("Placing an order takes lines, metadata and a price each")
    func place() throws {
        let command = try parse(
            OrdersPlaceCommand.self, "orders", "place", "--sku", "LAMP:2", "--sku", "a:b:3:1.50", "--currency", "EUR", "--metadata", "k=v=w", "--wait", "--json"
        )
        #expect(command.items.map(\.item) == [.init(sku: "LAMP", quantity: 2), .init(sku: "a:b", quantity: 3, price: "1.50")])
        #expect(command.metadata == [MetadataArgument(argument: "k=v=w")])
        #expect(command.wait && command.client.json)
        #expect(
            String(decoding: try command.body(), as: UTF8.self)
                == #"{"currency":"EUR","items":[{"sku":"LAMP","quantity":2},{"sku":"a:b","quantity":3,"price":"1.50"}],"metadata":{"k":"v=w"}}"#)
        refuses("orders", "place")
        refuses("orders", "place", "--sku", "LAMP:0")
        refuses("orders", "place", "--sku", "LAMP:1", "--file", "order.json")
        refuses("orders", "place", "--sku", "LAMP:1", "--metadata", "novalue")
    }

    @Test(
        "A line is read from its end",
        arguments: [
            ("A:1", "A", 1, nil), ("A:1:2", "A", 1, "2"), ("A:1:2.50", "A", 1, "2.50"), ("A:B:7", "A:B", 7, nil), ("A:1:x:4", "A:1:x", 4, nil),
        ] as [(String, String, Int64, String?)])
    func items(text: String, sku: String, quantity: Int64, price: String?) throws {
        let item = try #require(ItemArgument(argument: text))
        #expect(item.item == .init(sku: sku, quantity: quantity, price: price))
    }

    @Test("What is no line is refused", arguments: ["", "A", ":1", "A:", "A:0", "A:-1", "A:1.5", "A:1:", "A:1:x", "A:1:1.2.3", "A:9999999999999999999"])
    func noItems(text: String) {
        #expect(ItemArgument(argument: text) == nil)
    }

    @Test("Orders are named by UUIDs and statuses by their names")
    func orders() throws {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057"
        #expect(try parse(OrdersGetCommand.self, "orders", "get", id, "--events").events)
        #expect(try parse(OrdersListCommand.self, "orders", "list", "--status", "paid").status == .paid)
        #expect(try parse(OrdersStatusCommand.self, "orders", "status", id, "SHIPPED").status == .shipped)
        #expect(try parse(OrdersCancelCommand.self, "orders", "cancel", id, "--reason", "x").reason == "x")
        #expect(try parse(OrdersWatchCommand.self, "orders", "watch", id).id == Identifier(id))
        refuses("orders", "get", "4711")
        refuses("orders", "list", "--status", "GONE")
        refuses("orders", "list", "--limit", "-1")
        refuses("orders", "status", id, "CREATED")
    }

    @Test("The inventory's commands take what they say")
    func inventory() throws {
        let add = try parse(InventoryAddCommand.self, "inventory", "add", "LAMP", "--price", "1.50", "--quantity", "3")
        #expect(add.sku == "LAMP" && add.quantity == 3 && add.currency == "GBP")
        #expect(try parse(InventoryAdjustCommand.self, "inventory", "adjust", "LAMP", "+20").delta == 20)
        #expect(try parse(InventoryAdjustCommand.self, "inventory", "adjust", "LAMP", "--", "-3").delta == -3)
        #expect(try parse(InventoryListCommand.self, "inventory", "list").limit == 50)
        #expect(try parse(InventoryGetCommand.self, "inventory", "get", "LAMP").product == "LAMP")
        #expect(try parse(InventoryImportCommand.self, "inventory", "import", "a.csv").file == "a.csv")
        refuses("inventory", "add", "LAMP")
        refuses("inventory", "add", "LAMP", "--price", "1", "--quantity", "-1")
        refuses("inventory", "adjust", "LAMP", "0")
        refuses("inventory", "import")
    }

    @Test("Events, analytics, demo and doctor refuse what makes no sense")
    func others() throws {
        #expect(try parse(EventsTailCommand.self, "events", "tail", "--type", "OrderCreated,OrderFailed", "--after", "0").after == 0)
        refuses("events", "tail", "--type", "Order Created")
        refuses("events", "tail", "--after", "-1")
        refuses("events", "tail", "--count", "0")
        #expect(try parse(AnalyticsDashboardCommand.self, "analytics", "dashboard").top == 10)
        _ = try parse(AnalyticsRebuildCommand.self, "analytics", "rebuild", "--json")
        refuses("analytics", "dashboard", "--top", "0")
        #expect(try parse(DemoCommand.self, "demo", "--only", "declined").only == "declined")
        refuses("demo", "--only", "no such scenario")
        refuses("demo", "--timeout", "0")
        #expect(try parse(DoctorCommand.self, "doctor", "--local").local)
        refuses("doctor", "--local", "--remote")
        refuses("nothing")
    }

    @Test("A bench without a subcommand is the load")
    func bench() throws {
        let closed = try parse(BenchLoadCommand.self, "bench", "--connections", "128", "--duration", "5").plan
        #expect(closed.mode == .closed && closed.connections == 128 && closed.duration == .seconds(5) && closed.warmup == .seconds(2))
        let open = try parse(BenchLoadCommand.self, "bench", "load", "--rate", "500").plan
        #expect(open.mode == .open(rate: 500) && open.connections == 256 && open.products == 1000)
        #expect(try parse(BenchHotCommand.self, "bench", "hot", "--units", "5", "--connections", "8").units == 5)
        for wrong in [["--rate", "0"], ["--connections", "0"], ["--duration", "0"], ["--products", "2"], ["--warmup", "-1"], ["--rate", "nan"]] {
            #expect(throws: (any Error).self) { try Waybill.parseAsRoot(["bench"] + wrong) }
        }
        refuses("bench", "hot", "--orders", "0")
    }

    @Test("A replay needs a file and sensible numbers")
    func replay() throws {
        let command = try parse(ReplayCommand.self, "replay", "a.csv.gz", "--url", "http://there:1", "--limit", "5", "--retry-for", "3")
        #expect(command.file == "a.csv.gz" && command.client.address == "http://there:1" && command.limit == 5 && command.connections == 32)
        refuses("replay")
        refuses("replay", "a.csv", "--connections", "0")
        refuses("replay", "a.csv", "--factor", "-1")
        refuses("replay", "a.csv", "--limit", "0")
    }
}
