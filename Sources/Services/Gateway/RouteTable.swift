import HTTPTypes
import Web

/// Finds the route of a request. Knows the difference between a path that does not exist and a method that it does not have.
struct RouteTable: Sendable {
    /// What a request leads to.
    enum Match {
        case found(Int, parameters: [String: String])
        case methodNotAllowed([HTTPRequest.Method])
        case notFound
    }

    private struct Entry: Sendable {
        let method: HTTPRequest.Method
        let segments: [String]
        let index: Int
    }

    /// Entries by their number of segments, those with fewer parameters first.
    private var entries: [Int: [Entry]] = [:]

    init(_ routes: [Route]) {
        for (index, route) in routes.enumerated() {
            let segments = route.path.split(separator: "/").map(String.init)
            entries[segments.count, default: []].append(Entry(method: route.method, segments: segments, index: index))
        }
        for count in entries.keys {
            entries[count]?.sort { a, b in a.segments.filter { $0.hasPrefix("{") }.count < b.segments.filter { $0.hasPrefix("{") }.count }
        }
    }

    /// - Parameter segments: the path's segments, decoded.
    func match(_ method: HTTPRequest.Method, _ segments: [String]) -> Match {
        var allowed: [HTTPRequest.Method] = []
        for entry in entries[segments.count] ?? [] {
            guard let parameters = RouteTable.parameters(entry.segments, segments) else { continue }
            if entry.method == method { return .found(entry.index, parameters: parameters) }
            allowed.append(entry.method)
        }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(allowed)
    }

    private static func parameters(_ pattern: [String], _ segments: [String]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (expected, found) in zip(pattern, segments) {
            if expected.hasPrefix("{") {
                parameters[String(expected.dropFirst().dropLast())] = found
            } else if expected != found {
                return nil
            }
        }
        return parameters
    }
}
