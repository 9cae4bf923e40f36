import Gateway
import Logging
import Messaging
import Observability
import ServiceLifecycle
import WaybillClient
import Web
import Wire

@testable import Platform

/// An entry with routes of a test's own, on a port of its own.
struct RunningGateway: Sendable {
    let url: String
    let client: HTTPClient
    var port: Int { Int(url.split(separator: ":").last ?? "") ?? 0 }

    /// Runs one around a closure.
    static func with(
        _ routes: [Route], control: AccessControl = AccessControl(.open), trust: InternalTrust? = nil, runners: [any Service] = [],
        edge: EdgeConfiguration = EdgeConfiguration(), limits: RequestLimits? = nil, log: Logger? = nil, readiness: @escaping GatewayServer.Readiness = { [] },
        _ body: @escaping @Sendable (RunningGateway) async throws -> Void
    ) async throws {
        var logger = log ?? Logger(label: "test")
        logger.logLevel = .critical
        let (ports, announce) = AsyncStream<Int>.makeStream()
        let server = GatewayServer(
            host: "127.0.0.1", port: 0, routes: routes, gate: AdmissionGate(pressure: { .init() }), maximumConnections: 100, registry: PrometheusRegistry(),
            readiness: readiness, control: control, trust: trust, edge: edge, limits: limits,
            context: ServiceContext(service: "gateway", clock: SystemClock(), seed: 1),
            logger: logger,
            onRunning: { announce.yield($0) })
        let group = ServiceGroup(
            configuration: .init(
                services: ([server as any Service] + runners).map { .init(service: $0, successTerminationBehavior: .ignore) }, gracefulShutdownSignals: [],
                logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let url = "http://127.0.0.1:\(await iterator.next() ?? 0)"
            let client = try HTTPClient(baseURL: url, maximumConnections: 64, requestTimeout: .seconds(20))
            let result: Result<Void, any Error>
            do { result = .success(try await body(RunningGateway(url: url, client: client))) } catch { result = .failure(error) }
            await client.shutdown()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    func send(_ method: String, _ path: String, headers: [(String, String)] = [], body: String = "") async throws -> ClientResponse {
        try await client.send(ClientRequest(method: method, path: path, headers: headers, body: Array(body.utf8)))
    }
}

extension UpstreamPool.Configuration {
    /// The default with some changes.
    static func with(_ adjust: (inout UpstreamPool.Configuration) -> Void) -> UpstreamPool.Configuration {
        var configuration = UpstreamPool.Configuration()
        adjust(&configuration)
        return configuration
    }
}

/// Waits for a state of affairs that must come about by itself.
func eventually(_ what: String, within limit: Duration = .seconds(30), _ isSo: @Sendable () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while clock.now < end {
        if try await isSo() { return }
        try await clock.sleep(for: .milliseconds(2))
    }
    throw Unexpected("never happened: \(what)")
}

extension ClientResponse {
    /// The body as JSON.
    var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
}
