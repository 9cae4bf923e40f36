#if ENGINE_TLS
    import Foundation
    import Synchronization
    import Testing
    import Web

    /// The entry behind TLS, met by programs that others wrote: curl, openssl.
    @Suite("Encryption", .timeLimit(.minutes(2)))
    struct EncryptedTests {
        private static let routes = [
            Route(.get, "/name", access: .everyone) { request in .text("\(request.headers[.connection] ?? "no") connection") },
            Route(.post, "/size", access: .everyone) { .text("\($0.body.count)") },
            Route(.post, "/hang", access: .everyone) { _ in throw Problem(.conflict, "a", "b", headers: [.connection: "close"]) },
        ]

        /// Runs a program and returns what it printed; both of its outputs.
        private static func run(_ program: String, _ arguments: [String], input: String = "") async throws -> String {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    let process = Process()
                    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                    process.arguments = ["timeout", "20", program] + arguments
                    let (output, source) = (Pipe(), Pipe())
                    (process.standardOutput, process.standardError, process.standardInput) = (output, output, source)
                    do {
                        try process.run()
                        try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                        try source.fileHandleForWriting.close()
                        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
                        process.waitUntilExit()
                        continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
                    } catch { continuation.resume(throwing: error) }
                }
            }
        }

        static func certificate(_ name: String, in folder: String) async throws -> TLSFiles {
            let files = TLSFiles(certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem")
            let (certificate, key) = ("\(folder)/\(name)-cert.pem", "\(folder)/\(name)-key.pem")
            _ = try await run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj",
                    "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost",
                ])
            // In one step each, as those do who renew certificates.
            guard rename(certificate, files.certificate) == 0, rename(key, files.key) == 0 else { throw Unexpected("openssl made no certificate") }
            return files
        }

        private func with(_ body: @escaping @Sendable (RunningGateway, String) async throws -> Void) async throws {
            try await withTemporaryFolder { folder in
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                var edge = EdgeConfiguration()
                edge.tls = try await EncryptedTests.certificate("first", in: folder)
                edge.limits.head = .seconds(2)
                (edge.limits.idle, edge.limits.body) = (.seconds(2), .seconds(3))
                try await RunningGateway.with(EncryptedTests.routes, edge: edge) { gateway in try await body(gateway, folder) }
            }
        }

        private static func curl(_ gateway: RunningGateway, _ path: String, _ folder: String, _ arguments: [String] = []) async throws -> String {
            try await run(
                "curl", ["-sS", "-i", "--cacert", "\(folder)/cert.pem", "--max-time", "10"] + arguments + ["https://localhost:\(gateway.port)/api/v1\(path)"])
        }

        @Test("a client that can speaks HTTP/2, and another HTTP/1.1")
        func versions() async throws {
            try await with { gateway, folder in
                let second = try await EncryptedTests.curl(gateway, "/name", folder, ["--http2"])
                #expect(second.hasPrefix("HTTP/2 200") && second.contains("no connection") && second.contains("strict-transport-security"), "\(second)")
                let first = try await EncryptedTests.curl(gateway, "/name", folder, ["--http1.1"])
                #expect(first.hasPrefix("HTTP/1.1 200"), "\(first)")
                let body = try await EncryptedTests.curl(gateway, "/size", folder, ["--http2", "-d", String(repeating: "a", count: 100_000)])
                #expect(body.hasSuffix("100000"), "\(body)")
                let last = try await EncryptedTests.curl(gateway, "/hang", folder, ["--http2", "-d", "a"])
                #expect(last.hasPrefix("HTTP/2 409") && !last.lowercased().contains("connection: close"), "\(last)")
            }
        }

        @Test("old versions of TLS are refused, and who does not shake hands is not waited for")
        func handshakes() async throws {
            try await with { gateway, _ in
                for (version, isServed) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
                    let text = try await EncryptedTests.run("openssl", ["s_client", "-connect", "localhost:\(gateway.port)", version, "-alpn", "h2"])
                    #expect(text.contains("ALPN protocol: h2") == isServed, "\(version): \(text)")
                }
                let silent = try await RawConnection.open(gateway.port)
                let plain = try await RawConnection.open(gateway.port)
                try await plain.send("GET /api/v1/name HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await plain.untilClosed()
                #expect(!plain.text.contains("200"))
                _ = try await silent.untilClosed()
            }
        }

        @Test("who only keeps a connection loses it, whether he speaks HTTP/2 or not", arguments: ["h2", "http/1.1"])
        func idlers(version: String) async throws {
            try await with { gateway, _ in
                let begin = ContinuousClock.now
                _ = try await EncryptedTests.run("openssl", ["s_client", "-quiet", "-connect", "localhost:\(gateway.port)", "-alpn", version])
                // Else the program would have been ended after 20 seconds.
                #expect(ContinuousClock.now - begin < .seconds(18))
            }
        }

        @Test("a changed certificate is taken without a restart, and a broken one is not")
        func renewal() async throws {
            try await with { gateway, folder in
                let shown: @Sendable () async throws -> String = {
                    try await EncryptedTests.run("openssl", ["s_client", "-connect", "localhost:\(gateway.port)"])
                }
                let first = try await shown()
                #expect(first.contains("CN = first") || first.contains("CN=first"))
                try Data("nonsense".utf8).write(to: URL(fileURLWithPath: "\(folder)/key.pem"))
                _ = try await EncryptedTests.certificate("second", in: folder)
                try await eventually("the new certificate is shown", within: .seconds(60)) {
                    let text = try await shown()
                    return text.contains("CN = second") || text.contains("CN=second")
                }
            }
        }
    }
#endif
