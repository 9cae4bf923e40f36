import CCrypto
import Wire

/// A certificate that a server is to show, looked at together with its key before anybody connects: what is wrong with it else comes out when its clients fail.
public struct ServerCertificate: Sendable, Equatable {
    /// It does not hold before this moment (RFC 5280, 4.1.2.5).
    public let notBefore: Timestamp
    /// Nor after this one.
    public let notAfter: Timestamp
    /// Whether the key is the certificate's own.
    public let hasRightKey: Bool

    /// - Parameters:
    ///   - certificate: PEM, of which the first certificate is the server's own; at most 64 KiB.
    ///   - key: PEM without a password; at most 64 KiB.
    /// - Throws: ``UnusableCertificate``.
    public init(certificate: String, key: String) throws(UnusableCertificate) {
        let own: OpaquePointer
        do throws(UnusableKey) { own = try PEM.certificate(certificate) } catch { throw .certificate(error.reason) }
        defer { X509_free(own) }
        let secret: OpaquePointer
        do throws(UnusableKey) { secret = try PEM.privateKey(key) } catch { throw .key(error.reason) }
        defer { EVP_PKEY_free(secret) }
        guard let begin = ServerCertificate.moment(of: own, isEnd: false), let end = ServerCertificate.moment(of: own, isEnd: true) else {
            throw .certificate("its dates cannot be read")
        }
        (notBefore, notAfter, hasRightKey) = (begin, end, X509_check_private_key(own, secret) == 1)
        LibCrypto.clearErrors()
    }

    private static func moment(of certificate: OpaquePointer, isEnd: Bool) -> Timestamp? {
        let epoch = ASN1_TIME_set(nil, 0)
        defer { ASN1_STRING_free(epoch) }
        var (days, seconds) = (Int32(0), Int32(0))
        let time = isEnd ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate)
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
        return Timestamp(milliseconds: (Int64(days) * 86_400 + Int64(seconds)) * 1_000)
    }
}

/// Which of the two files is no use, and why; nothing of their content is in the words.
public enum UnusableCertificate: Error, Equatable, Sendable {
    case certificate(String)
    case key(String)
}
