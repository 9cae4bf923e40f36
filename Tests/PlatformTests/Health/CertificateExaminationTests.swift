import Foundation
import Storage
import Testing
import Web
import Wire

@testable import Platform

/// What `waybill doctor` says of the files that the entry is to be encrypted with.
@Suite("Examination of certificates")
struct CertificateExaminationTests {
    /// Good from 2026-11-26 to 2036-11-23.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfTCCASOgAwIBAgIUankjIC2hIIqZGhFtdwEFpp1TG4kwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyNjIzMTAxNloXDTM2MTEyMzIz
        MTAxNlowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEb7gSd2VbdCYzFZJ2EOHvYB7pDa3HFG+a+MzR6/5sqkgUkBEGKqoUEHxM
        IFkzg9e97r92Md1lJ1o+/IxKA6knMaNTMFEwHQYDVR0OBBYEFIIUnwvqK38iPMmU
        j0NqnPjb2YhdMB8GA1UdIwQYMBaAFIIUnwvqK38iPMmUj0NqnPjb2YhdMA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKsF/GQHqFIx6gXOd+RYQbxR
        MoFYIZMlhNzbocTEGMMqAiB1aI9Pash9M+gpfOYk6FmfuAlrR/sj0UBH/g+AVbo0
        Vw==
        -----END CERTIFICATE-----

        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghXfCdP376bofK4Bs
        htN9VqzsPLf8qhiCG+QBl68LM/6hRANCAARvuBJ3ZVt0JjMVknYQ4e9gHukNrccU
        b5r4zNHr/myqSBSQEQYqqhQQfEwgWTOD173uv3Yx3WUnWj78jEoDqScx
        -----END PRIVATE KEY-----

        """
    private static let another = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXmH2FLDi/XAdpcRF
        B6fcjg/i67e7cMDs9V3IZx7T6aOhRANCAAQghrhFO+/eq6b5IPJA6ZaPg5E2qxIk
        Kb6Dy8ZCCSPxVuQlsotlEkk2ifok6kMzKNzFb1RO8+/dYvOGbBN4Lzyt
        -----END PRIVATE KEY-----

        """

    private func findings(
        _ certificate: String? = certificate, _ key: String? = key, at now: String = "2030-01-01T00:00:00Z"
    ) async throws -> [EngineFinding] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-certificate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = TLSFiles(certificate: folder.appendingPathComponent("cert.pem").path, key: folder.appendingPathComponent("key.pem").path)
        try certificate.map { try Data($0.utf8).write(to: URL(fileURLWithPath: files.certificate)) }
        try key.map { try Data($0.utf8).write(to: URL(fileURLWithPath: files.key)) }
        return CertificateExamination(files: files, now: try #require(Timestamp(now)))()
    }

    @Test("a pair that belongs together is fine for as long as it holds")
    func good() async throws {
        let fine = try await findings()
        #expect(fine.count == 1 && fine.first?.verdict == .ok && fine.first?.words.contains("is good until 2036-11-23") == true, "\(fine)")
        let ending = try await findings(at: "2036-11-20T00:00:00Z")
        #expect(ending.first?.verdict == .warn && ending.first?.words.contains("(3 days)") == true && ending.first?.advice.isEmpty == false, "\(ending)")
    }

    @Test("what clients would be refused for is told beforehand, by the setting it belongs to")
    func bad() async throws {
        let cases = [
            (try await findings(at: "2036-11-24T00:00:00Z"), "tls.certificate:", "has expired"),
            (try await findings(at: "2026-01-01T00:00:00Z"), "tls.certificate:", "does not hold before"),
            (try await findings(Self.certificate, Self.another), "tls.key:", "is not the key of"),
            (try await findings(nil), "tls.certificate:", "cannot be read"), (try await findings(Self.certificate, nil), "tls.key:", "cannot be read"),
            (try await findings(Self.key), "tls.certificate:", "cannot be used"), (try await findings(Self.certificate, "x"), "tls.key:", "cannot be used"),
        ]
        for (found, setting, words) in cases {
            #expect(found.count == 1 && found.first?.verdict == .fail && found.first?.advice.isEmpty == false, "\(words)")
            #expect(found.first?.words.hasPrefix(setting) == true && found.first?.words.contains(words) == true, "\(found)")
            #expect(found.first?.words.contains("PRIVATE KEY") == false)
        }
    }
}
