import ArgumentParser
import WaybillClient

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What every command that talks to a platform takes.
struct ClientOptions: ParsableArguments {
    static let defaultURL = "http://127.0.0.1:8080"

    @Option(help: "The platform's address (default: the environment's WAYBILL_URL, else \(ClientOptions.defaultURL)).")
    var url: String?

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    /// The address in force.
    var address: String { url ?? ClientOptions.addressOfEnvironment ?? ClientOptions.defaultURL }

    static var addressOfEnvironment: String? { environment("WAYBILL_URL") }

    /// The value of an environment variable; nil if it is not set or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// Runs a closure with the platform's API and closes the connections.
    func withAPI<T>(connections: Int = 4, timeout: Duration = .seconds(30), _ body: (WaybillAPI) async throws -> T) async throws -> T {
        try await ClientOptions.withAPI(at: address, connections: connections, timeout: timeout, body)
    }

    static func withAPI<T>(at url: String, connections: Int, timeout: Duration = .seconds(30), _ body: (WaybillAPI) async throws -> T) async throws -> T {
        let http = try HTTPClient(baseURL: url, maximumConnections: connections, requestTimeout: timeout)
        do {
            let result = try await body(WaybillAPI(http))
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            // A stream that is refused has no place for a problem document but its error.
            if case ClientError.unexpectedStatus(let status, let body) = error { throw APIError(status: status, body: Array(body.utf8)) }
            throw error
        }
    }
}
