import Logging
import Messaging
import Observability
import Web
import Wire

@testable import Platform

/// The routes of a platform that is put together and never runs.
enum APIRoutes {
    /// What all services offer below `/api/v1`.
    static func all() async throws -> [Route] {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try WaybillPlatform(PlatformConfiguration(storage: .memory), logger: logger, registry: PrometheusRegistry(), seed: 1)
        let assembly = try await platform.assemble { _ in }
        for database in assembly.databases { await database.close() }
        return assembly.routes
    }

    /// The operations by name, each with its method and path.
    static func operations() async throws -> [String: (route: Route, operation: APIOperation)] {
        let pairs = try await all().compactMap { route in route.operation.map { ($0.id, (route: route, operation: $0)) } }
        return Dictionary(pairs) { first, _ in first }
    }
}
