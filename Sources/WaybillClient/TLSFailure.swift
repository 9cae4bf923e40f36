/// Why there is no secure connection. The server's certificate is always verified, and its name as well (RFC 9110, 4.3.4): there is no way around it.
public enum TLSFailure: Error, Equatable, Sendable {
    /// No authority that is trusted vouches for the certificate.
    case unknownAuthority
    /// The certificate, or one that vouches for it, is too old.
    case expired
    /// The certificate, or one that vouches for it, is to hold only later.
    case notYetValid
    /// The certificate is somebody else's.
    case wrongName
    /// Whoever listens there speaks something else.
    case notTLS
    /// The file of authorities that was named cannot be read, or holds none.
    case unusableAuthorities(path: String)
    /// Anything else, in the words of the TLS library.
    case other(String)
}

extension TLSFailure: CustomStringConvertible {
    /// The reason, to stand at the end of a sentence.
    public var description: String {
        switch self {
        case .unknownAuthority: "no authority that is trusted here vouches for its certificate"
        case .expired: "its certificate has expired"
        case .notYetValid: "its certificate is not valid yet, or this machine's clock is slow"
        case .wrongName: "its certificate is for another name"
        case .notTLS: "whoever listens there does not speak TLS"
        case .unusableAuthorities(let path): "no certificates of authorities can be read from \(path)"
        case .other(let words): words
        }
    }
}
