import Foundation

/// A certificate that vouches for itself, made by OpenSSL's program for the length of a test.
public struct TestCertificate: Sendable {
    /// The certificate (PEM); who is to believe it takes it for an authority's.
    public let path: String
    /// Its private key (PEM).
    public let key: String

    /// Runs a closure with one.
    /// - Parameters:
    ///   - names: whose it is, as OpenSSL writes alternative names.
    ///   - isExpired: whether its time ended yesterday.
    public static func with(
        names: String = "DNS:localhost,IP:127.0.0.1", isExpired: Bool = false, _ body: (TestCertificate) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-certificate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (request, certificate) = ("\(folder)/request.pem", TestCertificate(path: "\(folder)/certificate.pem", key: "\(folder)/key.pem"))
        try await openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", certificate.key, "-out", request, "-subj", "/CN=test",
            "-addext", "subjectAltName=\(names)",
        ])
        try await openssl([
            "x509", "-req", "-in", request, "-signkey", certificate.key, "-copy_extensions", "copy", "-days", isExpired ? "-1" : "2", "-out", certificate.path,
        ])
        try await body(certificate)
    }

    private struct Failed: Error {
        let output: String
    }

    private static func openssl(_ arguments: [String]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                let (process, output) = (Process(), Pipe())
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = ["openssl"] + arguments
                (process.standardOutput, process.standardError, process.standardInput) = (output, output, FileHandle.nullDevice)
                do {
                    try process.run()
                    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
                    process.waitUntilExit()
                    guard process.terminationStatus == 0 else { throw Failed(output: text) }
                    continuation.resume()
                } catch { continuation.resume(throwing: error) }
            }
        }
    }
}
