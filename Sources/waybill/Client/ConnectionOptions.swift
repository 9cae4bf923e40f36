import ArgumentParser
import WaybillClient
import Web

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where a platform is, and in whose name it is spoken to.
struct ConnectionOptions: ParsableArguments {
    static let defaultURL = "http://127.0.0.1:8080"

    @Option(help: "The platform's address (default: the environment's WAYBILL_URL, else \(ConnectionOptions.defaultURL)).")
    var url: String?

    @Option(help: "A file (PEM) of the authorities that alone may vouch for an https:// address, instead of those that the system trusts. [WAYBILL_CA_FILE]")
    var caFile: String?

    @Flag(help: "Print JSON for programs instead of text for people.")
    var json = false

    @Option(help: "The token to send. Whoever uses this machine can read it in the list of processes: rather set WAYBILL_TOKEN, or name a file.")
    var token: String?

    @Option(help: "A file that holds the token; it is read again when the token is refused. [WAYBILL_TOKEN_FILE]")
    var tokenFile: String?

    func validate() throws {
        if token != nil, tokenFile != nil { throw ValidationError("Give either --token or --token-file.") }
        if token == "" || tokenFile == "" { throw ValidationError("--token and --token-file must not be empty.") }
        if caFile == "" { throw ValidationError("--ca-file must not be empty.") }
    }

    /// The address in force.
    var address: String { url ?? ConnectionOptions.addressOfEnvironment ?? ConnectionOptions.defaultURL }

    /// The file of who may vouch for the platform's certificate; nil for whom the system trusts.
    var authorities: String? { caFile ?? ConnectionOptions.authoritiesOfEnvironment }

    static var authoritiesOfEnvironment: String? { environment("WAYBILL_CA_FILE") }

    static var addressOfEnvironment: String? { environment("WAYBILL_URL") }

    /// The value of an environment variable; nil if it is not set or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    /// Runs a closure with the platform's API and closes the connections.
    /// - Parameters:
    ///   - role: what a token is for that is made here because none is given.
    ///   - place: where the keys for that may lie.
    func withAPI<T>(
        as role: Role = .admin, from place: LocalPlace, connections: Int = 4, timeout: Duration = .seconds(30), _ body: (WaybillAPI) async throws -> T
    ) async throws -> T {
        let credentials = try Credentials.find(self, role: role, place: place)
        return try await ClientOptions.withAPI(at: address, trusting: authorities, as: credentials, connections: connections, timeout: timeout, body)
    }
}
