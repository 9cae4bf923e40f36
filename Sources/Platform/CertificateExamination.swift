import Foundation
import Security
import Storage
import Web
import Wire

/// Looks at the files that the entry is to be encrypted with, for `waybill doctor`: before the entry starts with them, or when its clients complain.
struct CertificateExamination: Sendable {
    /// What has less time left should be under renewal: certificates of 90 days are renewed 30 days before their end.
    private static let comfortableDays: Int64 = 14
    private static let millisecondsPerDay: Int64 = 86_400_000

    let files: TLSFiles
    let now: Timestamp

    func callAsFunction() -> [EngineFinding] {
        let texts: (certificate: String, key: String)
        do throws(Unreadable) {
            texts = (try CertificateExamination.read(files.certificate, "tls.certificate"), try CertificateExamination.read(files.key, "tls.key"))
        } catch { return [error.finding] }
        do throws(UnusableCertificate) {
            return [finding(try ServerCertificate(certificate: texts.certificate, key: texts.key))]
        } catch {
            switch error {
            case .certificate(let reason):
                return [fail("tls.certificate: \(files.certificate) cannot be used: \(reason)", "Name a PEM file that begins with the server's certificate.")]
            case .key(let reason): return [fail("tls.key: \(files.key) cannot be used: \(reason)", "Name a PEM file with the private key, without a password.")]
            }
        }
    }

    private func finding(_ certificate: ServerCertificate) -> EngineFinding {
        guard certificate.hasRightKey else {
            return fail(
                "tls.key: \(files.key) is not the key of \(files.certificate)", "Name the two files of one certificate; a chain begins with the server's own.")
        }
        if certificate.notBefore > now {
            return fail("tls.certificate: \(files.certificate) does not hold before \(certificate.notBefore)", "Look whether this machine's clock is right.")
        }
        let days = (certificate.notAfter.milliseconds - now.milliseconds) / CertificateExamination.millisecondsPerDay
        guard certificate.notAfter > now else {
            return fail("tls.certificate: \(files.certificate) has expired: \(certificate.notAfter)", "Renew it; changed files are taken without a restart.")
        }
        let words = "\(files.certificate) is good until \(certificate.notAfter) (\(days) days), and \(files.key) is its key"
        guard days < CertificateExamination.comfortableDays else { return EngineFinding(.ok, "certificate", words) }
        return EngineFinding(.warn, "certificate", words, advice: "See that it is being renewed.")
    }

    private func fail(_ words: String, _ advice: String) -> EngineFinding { EngineFinding(.fail, "certificate", words, advice: advice) }

    private struct Unreadable: Error { let finding: EngineFinding }

    private static func read(_ path: String, _ setting: String) throws(Unreadable) -> String {
        do { return try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8) } catch {
            let reason = "\(setting): \(path) cannot be read: \(error.localizedDescription)"
            throw Unreadable(finding: EngineFinding(.fail, "certificate", reason, advice: "Name a file that this user may read."))
        }
    }
}
