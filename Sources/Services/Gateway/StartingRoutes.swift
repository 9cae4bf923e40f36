import HTTPTypes
import Web

/// The routes that set work in motion, found by a request's exact target: what is written in another way (an escape, a query) is left to the ``RouteTable``.
struct StartingRoutes: Sendable {
    /// A route's metrics.
    struct Match: Sendable { let meter: RouteMeter }

    private var meters: [String: (method: HTTPRequest.Method, match: Match)] = [:]

    init(_ routes: [Route]) {
        for route in routes where route.startsWork && !route.path.contains("{") {
            let match = Match(meter: RouteMeter(method: route.method.rawValue, path: "/api/v1" + route.path))
            for prefix in ["/api/v1", "/api"] { meters[prefix + route.path] = (route.method, match) }
        }
    }

    /// The first lines of requests for them, with the line's end.
    var targets: [(line: String, meter: RouteMeter)] { meters.map { ("\($1.method.rawValue) \($0) HTTP/1.1\r\n", $1.match.meter) } }

    func match(_ method: HTTPRequest.Method, _ path: String) -> Match? {
        guard let entry = meters[path], entry.method == method else { return nil }
        return entry.match
    }
}
