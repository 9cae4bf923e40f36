import Gateway
import Logging
import Messaging
import Observability
import Platform
import Resilience
import ServiceLifecycle
import Synchronization
import Testing
import WaybillClient
import Web
import Wire

/// An entry of its own, with routes whose handlers answer when the test says so, and as much pressure as the test wants.
final class GatewayHarness: Sendable {
    /// A door that handlers and clocks wait at.
    final class Door: Sendable {
        private let (stream, continuation) = AsyncStream<Void>.makeStream()
        private let arrivals = AsyncStream<Void>.makeStream()
        /// Waits until the door is open.
        func pass() async {
            arrivals.continuation.yield()
            for await _ in stream {}
        }
        func open() { continuation.finish() }
        /// Waits until somebody has come to the door.
        func arrival() async { for await _ in arrivals.stream { break } }
    }

    /// Sleeps as long as the door is closed, whatever the duration.
    struct DoorClock: WallClock {
        let door: Door
        func now() -> Timestamp { Timestamp(milliseconds: 0) }
        func sleep(for duration: Duration) async throws { await door.pass() }
    }

    let slow = Door()
    let farewell = Door()
    let pressure = Mutex(AdmissionControl.Pressure())
    let done = Mutex(0)
    let gate: AdmissionGate
    let registry = PrometheusRegistry()
    private let port = Mutex(0)
    private let group = Mutex<ServiceGroup?>(nil)

    private init(_ configuration: AdmissionControl.Configuration) {
        let ahead = Holder()
        gate = AdmissionGate(configuration: configuration, pressure: { ahead.harness.withLock { $0?.pressure.withLock { $0 } } ?? .init() })
        ahead.harness.withLock { $0 = self }
    }
    private final class Holder: Sendable { let harness = Mutex<GatewayHarness?>(nil) }

    private var routes: [Route] {
        [
            Route(.post, "/work", access: .everyone, startsWork: true) { [self] request in
                done.withLock { $0 += 1 }
                return .json(.accepted) { $0.member("bytes", request.body.count) }
            },
            Route(.get, "/slow", access: .everyone) { [self] _ in
                await slow.pass()
                return .json { $0.member("done", true) }
            },
            Route(.get, "/mine", access: .anyRole(.readOrders)) { _ in .json { $0.member("done", true) } },
            Route(.get, "/quick", access: .everyone) { _ in .json { $0.member("done", true) } },
        ]
    }

    /// Runs an entry around a closure and stops it afterwards.
    static func with(
        _ configuration: AdmissionControl.Configuration = .init(), maximumConnections: Int = 100,
        control: AccessControl = AccessControl(.open), limits: RequestLimits? = nil, edge: EdgeConfiguration = EdgeConfiguration(),
        _ body: @Sendable (GatewayHarness) async throws -> Void
    ) async throws {
        let harness = GatewayHarness(configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let context = ServiceContext(service: "gateway", clock: SystemClock(), seed: 1)
        let (ports, announce) = AsyncStream<Int>.makeStream()
        let gate = harness.gate
        let server = GatewayServer(
            host: "127.0.0.1", port: 0, routes: harness.routes, gate: gate, maximumConnections: maximumConnections, registry: harness.registry,
            readiness: { [HealthCheck("entry", problem: gate.isDraining ? "draining" : nil)] }, control: control,
            edge: edge, limits: limits, context: context, logger: logger,
            onRunning: { announce.yield($0) })
        let farewell = Farewell(gate: gate, delay: .seconds(1), clock: DoorClock(door: harness.farewell))
        let services = [server as any Service, farewell].map {
            ServiceGroupConfiguration.ServiceConfiguration(service: $0, successTerminationBehavior: .ignore)
        }
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [], logger: logger))
        harness.group.withLock { $0 = group }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                harness.port.withLock { $0 = port }
                break
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body(harness)) } catch { result = .failure(error) }
            harness.slow.open()
            harness.farewell.open()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    /// Tells the entry to stop, as SIGTERM does.
    func stop() async { await group.withLock { $0 }?.triggerGracefulShutdown() }

    /// Where the entry listens on this machine.
    var listening: Int { port.withLock { $0 } }

    /// A client with so many connections of its own.
    func client(connections: Int = 1) throws -> HTTPClient {
        try HTTPClient(baseURL: "http://127.0.0.1:\(port.withLock { $0 })", maximumConnections: connections, requestTimeout: .seconds(20))
    }

    /// Sends one request on a connection of its own.
    func send(_ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []) async throws -> ClientResponse {
        let client = try client()
        defer { Task { await client.shutdown() } }
        return try await client.send(ClientRequest(method: method, path: path, headers: headers, body: body))
    }
}
