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
    public typealias Readiness = @Sendable () async -> [HealthCheck]

    /// - Parameters:
    ///   - routes: what the services offer below `/api/v1`.
    ///   - gate: refuses what is too much.
    ///   - maximumConnections: how many connections are served at once; those beyond are told so and closed.
    ///   - trust: whose `X-Request-Id` is taken over; nil for nobody's.
    ///   - events: the document of the events, for `/asyncapi.json`.
    ///   - docs: the scripts of the interactive page at `/docs`; nil for a plain page.
    ///   - onRunning: called with the port once connections are accepted.
    public init(
        host: String, port: Int, routes: [Route], gate: AdmissionGate, maximumConnections: Int, registry: PrometheusRegistry,
        readiness: @escaping Readiness, trust: InternalTrust? = nil, events: (@Sendable () -> JSONValue)? = nil, docs: DocsAssets? = nil,
        context: ServiceContext, logger: Logger, onRunning: @escaping @Sendable (Int) async -> Void
    ) {
        gate.register(in: registry)
        let root = [
            Route(.get, "/health", .showHealth, access: .everyone) { _ in await Health.report(readiness) },
            Route(.get, "/health/live", .showLiveness, access: .everyone) { _ in .json { $0.member("status", "UP") } },
            Route(.get, "/health/ready", .showReadiness, access: .everyone) { _ in await Health.report(readiness) },
            Route(.get, "/metrics", .showPlatformMetrics, access: .everyone) { _ in .text(registry.render(), contentType: PrometheusRegistry.contentType) },
            Route(.get, "/", .showIndex, access: .everyone) { _ in Health.index },
        ]
        let documents = APIDocuments(api: routes, root: root, events: events, assets: docs)
        // Hummingbird's own records are about connections; ours about requests are enough.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        application = Application(
            responder: GatewayResponder(api: routes, root: root + documents.routes, gate: gate, trust: trust, context: context, logger: logger),
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
