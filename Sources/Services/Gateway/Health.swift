import Web
import Wire

/// One thing that a process needs, as probes and people are told of it.
public struct HealthCheck: Sendable, Equatable {
    public let name: String
    /// What is wrong; nil where all is well. Anybody may read it: no addresses, no errors of libraries.
    public let problem: String?
    /// Whether nothing can be served without it. What else is missing makes a process poorer, not unready: whatever works goes on being served.
    public let isEssential: Bool

    public init(_ name: String, problem: String?, isEssential: Bool = true) { (self.name, self.problem, self.isEssential) = (name, problem, isEssential) }
}

/// Health as probes and people read it. Liveness asks nobody: a restart mends no dependency (RELIABILITY, trap 19).
enum Health {
    static func report(_ readiness: GatewayServer.Readiness) async -> WebResponse {
        let checks = await readiness()
        let isReady = checks.allSatisfy { $0.problem == nil || !$0.isEssential }
        let status = !isReady ? "DOWN" : checks.contains { $0.problem != nil } ? "DEGRADED" : "UP"
        return .json(isReady ? .ok : .serviceUnavailable) { json in
            json.member("status", status)
            json.key("checks")
            json.array(checks) { json, check in
                json.object { json in
                    json.member("name", check.name)
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
            json.member("graphql", "/graphql")
            json.member("health", "/health")
            json.member("metrics", "/metrics")
            json.member("docs", "/docs")
            json.member("openapi", "/openapi.json")
            json.member("asyncapi", "/asyncapi.json")
        }
    }
}
