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

    /// A part of a route's path, taken to pieces once.
    private enum Segment: Sendable, Equatable {
        case text(String)
        case parameter(String)

        init(_ pattern: Substring) { self = pattern.hasPrefix("{") ? .parameter(String(pattern.dropFirst().dropLast())) : .text(String(pattern)) }

        var isParameter: Bool { if case .parameter = self { true } else { false } }
    }

    private struct Entry: Sendable {
        let method: HTTPRequest.Method
        let segments: [Segment]
        let index: Int
    }

    /// Entries by their number of segments, those with fewer parameters first.
    private var entries: [Int: [Entry]] = [:]

    init(_ routes: [Route]) {
        for (index, route) in routes.enumerated() {
            let segments = route.path.split(separator: "/").map(Segment.init)
            entries[segments.count, default: []].append(Entry(method: route.method, segments: segments, index: index))
        }
        for count in entries.keys {
            entries[count]?.sort { a, b in a.segments.count(where: \.isParameter) < b.segments.count(where: \.isParameter) }
        }
    }

    /// Where there is no route for HEAD, it leads to the one for GET, whose answer it is without the content (RFC 9110, 9.3.2).
    /// - Parameter segments: the path's segments, decoded.
    func match(_ method: HTTPRequest.Method, _ segments: [String]) -> Match {
        var allowed: [HTTPRequest.Method] = []
        var path: [Segment]?
        var standIn: Match?
        for entry in entries[segments.count] ?? [] {
            // A path that is written out is no value of another's parameter (OpenAPI 3.1, 4.8.8.1): it has its own methods only.
            if let path, !zip(path, entry.segments).allSatisfy({ $0 == $1 || $0.isParameter && $1.isParameter }) { continue }
            guard let parameters = RouteTable.parameters(entry.segments, segments) else { continue }
            if entry.method == method { return .found(entry.index, parameters: parameters) }
            if method == .head, entry.method == .get, standIn == nil { standIn = .found(entry.index, parameters: parameters) }
            allowed.append(entry.method)
            path = entry.segments
        }
        if let standIn { return standIn }
        if allowed.contains(.get), !allowed.contains(.head) { allowed.append(.head) }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(allowed)
    }

    private static func parameters(_ pattern: [Segment], _ segments: [String]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (expected, found) in zip(pattern, segments) {
            switch expected {
            case .parameter(let name): parameters[name] = found
            case .text(let text): if text != found { return nil }
            }
        }
        return parameters
    }
}
