import TestCertificates
import WaybillClient

/// The ways to a server: what is expected of a client holds for each.
enum ClientScheme: String, CaseIterable, Sendable {
    case http
    #if ENGINE_TLS
        case https
    #endif

    /// A time that making a connection does not use up.
    var shortTime: Duration { self == .http ? .milliseconds(80) : .seconds(1) }

    /// Runs a closure with the certificate that the server needs.
    func withCertificate(_ body: (TestCertificate?) async throws -> Void) async throws {
        if self == .http { try await body(nil) } else { try await TestCertificate.with { try await body($0) } }
    }
}

/// Runs a test against a server and a client that are both ended afterwards.
func withServer(
    _ scheme: ClientScheme, connections: Int = 4, timeout: Duration = .seconds(20), bodyLimit: Int = 64 << 20,
    _ body: (TestServer, HTTPClient) async throws -> Void
) async throws {
    try await scheme.withCertificate { certificate in
        let server = try await TestServer.start(certificate: certificate)
        let client = try HTTPClient(
            baseURL: server.url, maximumConnections: connections, requestTimeout: timeout, maximumBodyBytes: bodyLimit,
            certificateAuthorities: certificate?.path)
        let result: Result<Void, any Error>
        do { result = .success(try await body(server, client)) } catch { result = .failure(error) }
        await client.shutdown()
        try await server.stop()
        try result.get()
    }
}
