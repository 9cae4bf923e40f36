import Foundation
import OutgoingHTTP
import Testing
import Web

@Suite("Requests over TLS", .serialized, .enabled(if: TLSServer.isPossible, "needs the program openssl"), .timeLimit(.minutes(2)))
struct TLSTests {
    /// The body of an answer, or why there is none.
    private func get(_ url: String, authorities: String?) async -> Result<String, OutgoingFailure> {
        var configuration = CurlClient.Configuration(policy: .anywhere)
        configuration.certificateAuthorities = authorities
        let client = CurlClient(configuration)
        let result: Result<String, OutgoingFailure>
        do throws(OutgoingFailure) {
            let answer = try await client.send(OutgoingRequest(url: url))
            result = .success("\(answer.status) " + String(decoding: answer.body, as: UTF8.self))
        } catch { result = .failure(error) }
        await client.close()
        return result
    }

    @Test("a server whose certificate is believed is asked, by name and by address")
    func believed() async throws {
        try await TLSServer.run { server in
            for host in ["localhost", "127.0.0.1"] {
                let answer = await get("https://\(host):\(server.port)/document", authorities: server.certificate)
                #expect(answer == .success("200 {\"keys\":[]}"), "\(host)")
            }
        }
    }

    @Test("a server whose certificate nobody vouches for, or is somebody else's, is asked nothing")
    func notBelieved() async throws {
        try await TLSServer.run(names: "DNS:other.example") { server in
            for authorities in [nil, server.certificate] {
                guard case .failure(.tls) = await get("https://localhost:\(server.port)/document", authorities: authorities) else {
                    Issue.record("the certificate was believed")
                    continue
                }
            }
        }
    }
}

/// A server of TLS that OpenSSL's program plays.
struct TLSServer {
    let port: UInt16
    let certificate: String

    private static let program = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first { FileManager.default.isExecutableFile(atPath: $0) }
    static var isPossible: Bool { program != nil }

    static func run(names: String = "DNS:localhost,IP:127.0.0.1", _ body: (TLSServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}".utf8).write(to: folder.appendingPathComponent("document"))
        let key = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem", "-days",
            "2",
        ]
        let making = try start(key + ["-subj", "/CN=test", "-addext", "subjectAltName=\(names)"], in: folder)
        making.process.waitUntilExit()
        let server = try start(["s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-HTTP", "-naccept", "20"], in: folder)
        defer { server.process.terminate() }
        let port = try #require(await server.port())
        try await body(TLSServer(port: port, certificate: folder.appendingPathComponent("certificate.pem").path))
    }

    private struct Running: Sendable {
        let process: Process
        let output: FileHandle

        /// The port of `ACCEPT 127.0.0.1:41143`, the line that tells that it listens; nil where the program ends before.
        func port() async -> UInt16? {
            await withCheckedContinuation { continuation in
                Thread {
                    var text = ""
                    while !text.contains("ACCEPT") || !text.hasSuffix("\n") {
                        let data = output.availableData
                        if data.isEmpty { break }
                        text += String(decoding: data, as: UTF8.self)
                    }
                    let line = text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }
                    continuation.resume(returning: line?.split(separator: ":").last.flatMap { UInt16($0) })
                }.start()
            }
        }
    }

    private static func start(_ arguments: [String], in folder: URL) throws -> Running {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program ?? "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return Running(process: process, output: output.fileHandleForReading)
    }
}
