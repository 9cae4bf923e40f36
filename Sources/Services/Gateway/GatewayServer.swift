import HummingbirdCore
import Logging
import Messaging
import NIOCore
import NIOHTTP1
import NIOPosix
import Observability
import ServiceLifecycle
import Web
import Wire

/// The single entry: every service's routes on one port, health and metrics beside them.
public struct GatewayServer: Service, CustomStringConvertible {
    public var description: String { "gateway" }
    private let server: @Sendable () throws -> any Service
    /// What the server needs while it runs.
    private let helpers: [any Service]
    private let logger: Logger

    /// Whether the platform is ready to serve; asked for every readiness probe.
    public typealias Readiness = @Sendable () async -> [HealthCheck]

    /// - Parameters:
    ///   - routes: what the services offer below `/api/v1`.
    ///   - extra: what the services offer at the root.
    ///   - gate: refuses what is too much.
    ///   - maximumConnections: how many connections are served at once; those beyond are told so and closed.
    ///   - offersGraphQL: whether `/graphql` is there: where all services' routes are.
    ///   - control: decides who is let in to what.
    ///   - trust: whose `X-Request-Id` is taken over; nil for nobody's.
    ///   - edge: how the outside is met.
    ///   - events: the document of the events, for `/asyncapi.json`.
    ///   - limits: how fast callers may ask; nil for as fast as they like.
    ///   - docs: the scripts of the interactive page at `/docs`; nil for a plain page.
    ///   - onRunning: called with the port once connections are accepted.
    public init(
        host: String, port: Int, routes: [Route], root extra: [Route] = [], gate: AdmissionGate, maximumConnections: Int, registry: PrometheusRegistry,
        readiness: @escaping Readiness, offersGraphQL: Bool = true, control: AccessControl = AccessControl(.open), trust: InternalTrust? = nil,
        edge: EdgeConfiguration = EdgeConfiguration(), limits: RequestLimits? = nil, events: (@Sendable () -> JSONValue)? = nil, docs: DocsAssets? = nil,
        context: ServiceContext, logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void
    ) {
        gate.register(in: registry)
        let connections = ConnectionCount(
            maximum: maximumConnections, maximumPerAddress: edge.maximumConnectionsPerAddress, unbounded: edge.trustedProxies)
        registry.registerGauge(name: "waybill_connections", help: "Connections of clients that are open.") { Double(connections.open) }
        let root =
            [
                Route(.get, "/health", .showHealth, access: .everyone) { _ in await Health.report(readiness) },
                Route(.get, "/health/live", .showLiveness, access: .everyone) { _ in .json { $0.member("status", "UP") } },
                Route(.get, "/health/ready", .showReadiness, access: .everyone) { _ in await Health.report(readiness) },
                Route(.get, "/metrics", .showPlatformMetrics, access: .everyone) { _ in .text(registry.render(), contentType: PrometheusRegistry.contentType) },
                Route(.get, "/", .showIndex, access: .everyone) { _ in Health.index },
            ] + extra
        let parts = RouteDispatcher(routes, control: control, logger: logger)
        let graph = offersGraphQL ? GraphQLEndpoint(dispatcher: parts, gate: gate, limits: limits).routes : []
        let documents = APIDocuments(api: routes + graph, root: root, events: events, assets: docs)
        // Hummingbird's own records are about connections; ours about requests are enough.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        let encryption = edge.tls.map { Encryption($0, clock: context.clock, logger: logger) }
        let records = quiet
        let responder = GatewayResponder(
            api: RouteDispatcher(routes + graph, control: control, logger: logger),
            root: RouteDispatcher(root + documents.routes + graph, control: control, logger: logger),
            gate: gate, trust: trust, edge: edge, limits: limits, context: context, log: AccessLog(edge.accessLog, logger: logger))
        let builder = HTTPServerBuilder { responder in
            let plain = GatewayChannel(
                http: HTTP1Channel(
                    responder: responder,
                    configuration: .init(
                        idleTimeout: TimeAmount(edge.limits.idle),
                        httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100))),
                gate: gate, starting: StartingRoutes(routes), limits: edge.limits, connections: connections, finish: AnswerFinish(edge))
            guard let encryption else { return plain }
            return try encryption.channel(plain, responder, edge.limits)
        }
        self.logger = records
        helpers = encryption?.services ?? []
        server = {
            try builder.buildServer(
                // Beyond those that are told to come again, connections wait in the kernel: file descriptors must not run out.
                configuration: ServerConfiguration(
                    address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                    availableConnectionsDelegate: MaximumAvailableConnections(maximumConnections + GatewayChannel.surplusConnections, logger: records)),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: records,
                responder: { request, writer, channel in try await GatewayServer.answer(request, writer, channel, responder) },
                onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) })
        }
    }

    /// What cannot be written any more closes the connection, whatever the reason: an answer has begun, and no second one may follow it.
    private struct CannotWrite: Error {}

    private static func answer(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel, _ responder: GatewayResponder
    ) async throws {
        let response = await responder.respond(to: request, from: channel.remoteAddress?.ip)
        do { try await writer.write(response: response.head, body: response.body) } catch is HTTPParserError { throw CannotWrite() }
    }

    public func run() async throws {
        // Of the application layer of Hummingbird only the order of its services is needed: those that the server stands on first.
        let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: helpers + [try server()], logger: logger))
        try await group.run()
    }
}
