import Foundation
import Logging
import Messaging
import Observability
import Platform
import Synchronization
import WaybillClient
import Wire

/// A platform on a port of its own for the length of a test, and what a client sees of it.
struct RunningPlatform: Sendable {
    let client: HTTPClient
    let url: String

    /// Lets accepted work wait for as long as a machine that is busy with other tests may need.
    static func patient(_ configuration: inout PlatformConfiguration) { configuration.admission.targetMilliseconds = 60_000 }

    /// Runs a platform around a closure and stops it afterwards.
    static func with(
        folder: String? = nil, clock: any WallClock = SystemClock(), broker: (any EventBroker)? = nil,
        _ adjust: (inout PlatformConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (RunningPlatform) async throws -> Void
    ) async throws {
        var configuration = PlatformConfiguration(storage: folder.map { .folder($0) } ?? .memory)
        configuration.port = 0
        configuration.commitInterval = .zero
        adjust(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        // What needs a folder, a clock of its own or a broker is about the embedded platform.
        let topology: TestTopology = folder == nil && broker == nil && clock is SystemClock ? .current : .embedded
        let test = "t" + String(UInt64.random(in: .min ... .max), radix: 36)
        configuration.engines = try topology.engines(test)
        defer { topology.dropSchemas(test) }
        if topology.isSplit {
            let cluster = TestCluster(configuration: configuration, topology: topology, clock: clock, logger: logger)
            return try await cluster.run { try await RunningPlatform.use($0, body) }
        }
        let registry = PrometheusRegistry()
        // As `Observing.start` does once per process; `waybill bench` asks for these.
        ProcessMetrics.register(in: registry)
        let platform = try WaybillPlatform(configuration, logger: logger, registry: registry, clock: clock, broker: broker)
        let (ports, announce) = AsyncStream<Int>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { announce.finish() }
                do { try await platform.run(handlesSignals: false) { announce.yield($0) } } catch is CancellationError {}
            }
            for await port in ports {
                do { try await use(port, body) } catch {
                    group.cancelAll()
                    throw error
                }
                break
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func use(_ port: Int, _ body: @escaping @Sendable (RunningPlatform) async throws -> Void) async throws {
        let url = "http://127.0.0.1:\(port)"
        let client = try HTTPClient(baseURL: url, maximumConnections: 64)
        do { try await body(RunningPlatform(client: client, url: url)) } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    /// An answer, parsed.
    struct Answer: Sendable {
        let status: Int
        let headers: @Sendable (String) -> String?
        let json: JSONValue
    }

    func send(_ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = []) async throws -> Answer {
        let full = path.hasPrefix("/health") || path == "/metrics" || path.hasPrefix("/api") ? path : "/api/v1" + path
        return try await answer(method, full, body, headers: headers)
    }

    /// The same at exactly this path.
    func answer(_ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = []) async throws -> Answer {
        var headers = headers
        if body != nil, !headers.contains(where: { $0.0 == "Content-Type" }) { headers.append(("Content-Type", "application/json")) }
        let response = try await client.send(ClientRequest(method: method, path: path, headers: headers, body: Array((body ?? "").utf8)))
        let json = (try? JSONParser.parse(response.body)) ?? .null
        return Answer(status: response.status, headers: { response.header($0) }, json: json)
    }

    /// Asks for something at the root, as it is.
    func fetch(_ path: String) async throws -> ClientResponse { try await client.send(ClientRequest(method: "GET", path: path)) }

    /// Makes a product and returns its id.
    @discardableResult
    func product(_ sku: String, units: Int, price: String = "4.50") async throws -> String {
        let body = #"{"sku":"\#(sku)","name":"\#(sku)","price":"\#(price)","currency":"GBP","availableQuantity":\#(units)}"#
        return try await send("POST", "/inventory/products", body).json["id"]?.string ?? ""
    }

    /// Places an order of one line; the answer is 202 or a refusal.
    func place(_ sku: String, quantity: Int = 1, method: String = "test_approve", extra: String = "", key: String? = nil) async throws -> Answer {
        let body = #"{"currency":"GBP","items":[{"sku":"\#(sku)","quantity":\#(quantity)}],"paymentMethod":"\#(method)"\#(extra)}"#
        return try await send("POST", "/orders", body, headers: key.map { [("Idempotency-Key", $0)] } ?? [])
    }

    /// Places an order that must be accepted, and returns its id.
    func order(_ sku: String, quantity: Int = 1, method: String = "test_approve", extra: String = "") async throws -> String {
        let answer = try await place(sku, quantity: quantity, method: method, extra: extra)
        guard answer.status == 202, let id = answer.json["id"]?.string else { throw Unexpected("placing an order gave \(answer.status) \(answer.json)") }
        return id
    }

    func status(_ id: String) async throws -> String { try await send("GET", "/orders/\(id)/status").json["status"]?.string ?? "none" }

    /// Waits for a state of affairs that must come about by itself.
    func eventually(_ what: String, _ isSo: @Sendable () async throws -> Bool) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while clock.now < end {
            if try await isSo() { return }
            try await clock.sleep(for: .milliseconds(5))
        }
        throw Unexpected("never happened: \(what)")
    }

    func eventually(_ id: String, is status: String) async throws {
        try await eventually("\(id) is \(status)") { try await self.status(id) == status }
    }

    /// The stock of a product: available, reserved, sold.
    func stock(_ id: String) async throws -> [Int64] {
        let json = try await send("GET", "/inventory/products/\(id)").json
        return ["availableQuantity", "reservedQuantity", "soldQuantity"].map { json[$0]?.integer ?? -1 }
    }

    func payment(_ order: String) async throws -> JSONValue? { try await send("GET", "/payments?orderId=\(order)").json["items"]?[0] }

    /// Waits until nothing is under way any more, and has the platform audited: all services' records and the provider's books.
    func isSound() async throws {
        try await eventually("all is at rest") { try await send("POST", "/admin/audit", "{}").json["moving"]?.integer == 0 }
        let report = try await send("POST", "/admin/audit", "{}").json
        if report["clean"]?.bool != true || report["findings"]?.array != [] { throw Unexpected("the audit finds \(report.compact)") }
    }

    /// The types of an order's events, in the order of its timeline.
    func timeline(_ id: String) async throws -> [String] {
        (try await send("GET", "/orders/\(id)/events").json["items"]?.array ?? []).compactMap { $0["type"]?.string }
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A folder that is gone at the end.
func withTemporaryFolder(_ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}
