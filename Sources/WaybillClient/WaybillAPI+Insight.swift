import Wire

/// What a server process used so far, from its own `/metrics`.
public struct ServerUsage: Sendable, Equatable {
    /// User and system time of the whole process.
    public let cpuSeconds: Double
    /// Memory that the process occupies, in bytes.
    public let residentBytes: Double

    /// Reads the two values from Prometheus' text format; nil if one is missing.
    public init?(metrics text: String) {
        func value(_ name: String) -> Double? {
            for line in text.split(separator: "\n") where line.hasPrefix(name) {
                let rest = line.dropFirst(name.count)
                guard let first = rest.first, first == " " || first == "{" else { continue }
                // The value stands behind the last label; a timestamp may follow.
                let tail = first == "{" ? rest[(rest.lastIndex(of: "}") ?? rest.startIndex)...].dropFirst() : rest
                return tail.split(separator: " ").first.flatMap { Double($0) }
            }
            return nil
        }
        guard let cpu = value("process_cpu_seconds_total"), let resident = value("process_resident_memory_bytes") else { return nil }
        (cpuSeconds, residentBytes) = (cpu, resident)
    }
}

extension WaybillAPI {
    /// `GET /metrics`: Prometheus' text format.
    public func metrics() async throws -> String { try await answer(ClientRequest(path: "/metrics")).text }

    /// CPU time and memory of the server.
    public func usage() async throws -> ServerUsage {
        guard let usage = ServerUsage(metrics: try await metrics()) else {
            throw UnexpectedAnswer(path: "/metrics", reason: "process_cpu_seconds_total or process_resident_memory_bytes is missing")
        }
        return usage
    }

    /// `GET /analytics/dashboard`. `from` and `to` bound the orders' `placedAt`.
    public func dashboard(top: Int? = nil, from: String? = nil, to: String? = nil, retry: RetryPolicy = .once) async throws -> JSONObject {
        try await get("/analytics/dashboard", [("top", top.map { String($0) }), ("from", from), ("to", to)], retry: retry)
    }

    /// `POST /analytics/rebuild`: all figures anew from the event log.
    public func rebuildAnalytics() async throws -> JSONObject { try await send("POST", "/analytics/rebuild") }

    /// `GET /analytics/metrics`: figures of the running platform for dashboards.
    public func analyticsMetrics() async throws -> JSONObject { try await get("/analytics/metrics") }

    /// `GET /events`: one page of the log of all events, oldest first. The next page is the one after its last `sequence`.
    /// - Parameter limit: at most so many, 1 to 1000.
    public func events(types: [String] = [], after: Int64 = 0, limit: Int = 100, retry: RetryPolicy = .once) async throws -> JSONObject {
        let query: [(String, String?)] = [
            ("type", types.isEmpty ? nil : types.joined(separator: ",")), ("after", String(after)), ("limit", String(limit)),
        ]
        return try await get("/events", query, retry: retry)
    }

    /// `GET /events/schemas`: every type of event with its versions.
    public func eventSchemas() async throws -> JSONObject { try await get("/events/schemas") }

    /// `GET /events/schemas/{type}`: the JSON Schema of an event.
    /// - Parameter version: nil for the present one.
    public func eventSchema(_ type: String, version: Int? = nil) async throws -> JSONObject {
        try await get("/events/schemas/" + WaybillAPI.percentEncoded(type), [("version", version.map { String($0) })])
    }

    /// `GET /events/stream`: everything that happens from now on, or behind a sequence number.
    public func followAll(types: [String], after: Int64? = nil, lastEventID: String? = nil) -> ServerSentEvents {
        let query = [("type", types.isEmpty ? nil : types.joined(separator: ",")), ("after", after.map { String($0) })]
        return http.events(WaybillAPI.path("/events/stream", query), lastEventID: lastEventID)
    }
}
