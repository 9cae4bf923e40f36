import ArgumentParser
import WaybillClient
import Web

/// What every command that talks to a platform takes.
struct ClientOptions: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions

    @Option(help: "Data folder of a platform of this machine, whose keys make a token where none is given. [WAYBILL_DATA, ./data]")
    var data: String?

    @Option(help: "The YAML file of such a platform. [WAYBILL_CONFIG, ./waybill.yaml where there is one]")
    var config: String?

    func validate() throws {
        if data == "" || config == "" { throw ValidationError("--data and --config must not be empty.") }
    }

    var url: String? { connection.url }
    var json: Bool { connection.json }
    var address: String { connection.address }
    var authorities: String? { connection.authorities }
    /// Where a platform of this machine may keep its keys.
    var place: LocalPlace { LocalPlace(config: config, flags: data.map { ["data": $0] } ?? [:]) }

    /// Runs a closure with the platform's API and closes the connections.
    /// - Parameter role: what a token is for that is made here because none is given.
    func withAPI<T>(
        as role: Role = .admin, connections: Int = 4, timeout: Duration = .seconds(30), _ body: (WaybillAPI) async throws -> T
    ) async throws -> T {
        try await connection.withAPI(as: role, from: place, connections: connections, timeout: timeout, body)
    }

    /// The same at an address.
    /// - Parameter authorities: a file of who may vouch for its certificate; nil for whom the system trusts.
    static func withAPI<T>(
        at url: String, trusting authorities: String? = nil, as credentials: Credentials = .none, connections: Int, timeout: Duration = .seconds(30),
        _ body: (WaybillAPI) async throws -> T
    ) async throws -> T {
        let http = try HTTPClient(
            baseURL: url, maximumConnections: connections, requestTimeout: timeout, tokens: credentials.tokens, certificateAuthorities: authorities)
        do {
            let result = try await body(WaybillAPI(http))
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            var failure = error
            // A stream that is refused has no place for a problem document but its error.
            if case ClientError.unexpectedStatus(let status, let body) = error { failure = APIError(status: status, body: Array(body.utf8)) }
            throw AccessRefused(failure, credentials.origin) ?? ConnectionRefused(failure, at: url) ?? failure
        }
    }
}
