import ArgumentParser
import Contracts
import WaybillClient
import Web
import Wire

/// `waybill bench hot`.
struct BenchHotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hot", abstract: "One product, few units, many orders at once: check that none is sold twice.",
        discussion: """
            Makes a product, places orders of one unit each from many connections, and checks that exactly as many orders as there
            were units are PAID, that the rest was refused or CANCELLED, and that the stock agrees. Exits with 1 if not.

            Example:
              waybill bench hot --units 100 --orders 2000 --connections 64
            """)

    @OptionGroup var client: ClientOptions

    @Option(help: "Units in stock.")
    var units: Int64 = 100

    @Option(help: "Orders of one unit each.")
    var orders = 2000

    @Option(help: "Orders that are placed at the same time.")
    var connections = 64

    func validate() throws {
        guard (0...1_000_000).contains(units) else { throw ValidationError("--units must be 0 to 1000000.") }
        guard (1...1_000_000).contains(orders) else { throw ValidationError("--orders must be 1 to 1000000.") }
        guard (1...10_000).contains(connections) else { throw ValidationError("--connections must be 1 to 10000.") }
    }

    func run() async throws {
        let sku = "hot-" + RunName.fresh()
        let progress = ProgressBar("placing", unit: "orders", total: orders, mode: .suited(isSilent: client.json))
        let result = try await client.withAPI(as: .service, connections: connections) { api in
            try await HotProduct(api: api, sku: sku, units: units, orders: orders, connections: connections)(progress: progress)
        }
        progress.finish()
        if client.json { Output.json(BenchHotCommand.json(result)) } else { BenchHotCommand.show(result) }
        if !result.faults.isEmpty { throw ExitCode.failure }
    }

    private static func json(_ result: HotProduct.Result) -> [UInt8] {
        JSONWriter.object { json in
            json.member("correct", result.faults.isEmpty)
            json.member("units", result.units)
            json.member("orders", result.orders)
            json.member("paid", result.statuses[.paid] ?? 0)
            json.member("refused", result.refused)
            json.member("cancelled", result.statuses[.cancelled] ?? 0)
            json.member("available", result.available)
            json.member("reserved", result.reserved)
            json.member("seconds", decimal: result.seconds)
            json.key("faults")
            json.array(result.faults) { $0.string($1) }
        }
    }

    private static func show(_ result: HotProduct.Result) {
        var table = Table(["outcome", "count"])
        for status in OrderStatus.allCases { if let count = result.statuses[status] { table.add([status.rawValue, ProgressLine.grouped(count)]) } }
        table.add(["refused at once (409)", ProgressLine.grouped(result.refused)])
        table.add(["units available", ProgressLine.grouped(Int(result.available))])
        table.add(["units reserved", ProgressLine.grouped(Int(result.reserved))])
        Output.table(table)
        let style = Output.style
        for fault in result.faults { Output.line(style(.bad, "WRONG: \(fault).")) }
        if result.faults.isEmpty { Output.line(style(.good, "As it must be: no unit was sold twice, and none was left unsold.")) }
    }
}
