import Hummingbird
import HummingbirdCore
import Logging
import Messaging
import NIOCore
import Observability
import ServiceLifecycle
import Web
import Wire

/// The single entry: every service's routes on one port, health and metrics beside them.
public struct GatewayServer: Service, CustomStringConvertible {
    public var description: String { "gateway" }
    private let application: Application<GatewayResponder>

    /// Whether the platform is ready to serve; asked for every readiness probe.
    public typealias Readiness = @Sendable () async -> [(check: String, problem: String?)]

    /// - Parameters:
    ///   - routes: what the services offer below `/api/v1`.
    ///   - gate: refuses what is too much.
    ///   - maximumConnections: how many connections are served at once; those beyond are told so and closed.
    ///   - trust: whose `X-Request-Id` is taken over; nil for nobody's.
    ///   - onRunning: called with the port once connections are accepted.
    public init(
        host: String, port: Int, routes: [Route], gate: AdmissionGate, maximumConnections: Int, registry: PrometheusRegistry,
        readiness: @escaping Readiness, trust: InternalTrust? = nil, context: ServiceContext, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void
    ) {
        gate.register(in: registry)
        let root = [
            Route(.get, "/health") { _ in await Health.report(readiness) },
            Route(.get, "/health/live") { _ in .json { $0.member("status", "UP") } },
            Route(.get, "/health/ready") { _ in await Health.report(readiness) },
            Route(.get, "/metrics") { _ in .text(registry.render(), contentType: PrometheusRegistry.contentType) },
            Route(.get, "/") { _ in Health.index },
        ]
        // Hummingbird's own records are about connections; ours about requests are enough.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        application = Application(
            responder: GatewayResponder(api: routes, root: root, gate: gate, trust: trust, context: context, logger: logger),
            server: HTTPServerBuilder { responder in
                GatewayChannel(
                    http: HTTP1Channel(
                        responder: responder,
                        configuration: .init(
                            idleTimeout: .seconds(75),
                            httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100))),
                    gate: gate, starting: StartingRoutes(routes), connections: ConnectionCount(maximum: maximumConnections))
            },
            // Beyond those that are told to come again, connections wait in the kernel: file descriptors must not run out.
            configuration: .init(
                address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(maximumConnections + GatewayChannel.surplusConnections, logger: quiet)),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) }, logger: quiet)
    }

    public func run() async throws { try await application.run() }
}

/// Health as probes and people read it. Liveness asks nobody: a restart mends no dependency (RELIABILITY, trap 19).
enum Health {
    static func report(_ readiness: GatewayServer.Readiness) async -> WebResponse {
        let checks = await readiness()
        let isReady = checks.allSatisfy { $0.problem == nil }
        return .json(isReady ? .ok : .serviceUnavailable) { json in
            json.member("status", isReady ? "UP" : "DOWN")
            json.key("checks")
            json.array(checks) { json, check in
                json.object { json in
                    json.member("name", check.check)
                    json.member("status", check.problem == nil ? "UP" : "DOWN")
                    json.optional("problem", check.problem)
                }
            }
        }
    }

    static let index = WebResponse.json { json in
        json.member("name", "waybill")
        json.key("links")
        json.object { json in
            json.member("orders", "/api/v1/orders")
            json.member("products", "/api/v1/inventory/products")
            json.member("dashboard", "/api/v1/analytics/dashboard")
            json.member("health", "/health")
            json.member("metrics", "/metrics")
        }
    }
}
