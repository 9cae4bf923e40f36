import WaybillClient

/// Why a platform cannot be spoken to as its address says, with what to do about it.
struct ConnectionRefused: Error, CustomStringConvertible {
    let failure: ClientError
    let advice: String

    /// Nil for any other error, and where there is nothing to add.
    init?(_ error: any Error, at url: String) {
        guard let failure = error as? ClientError, let advice = ConnectionRefused.advice(failure, at: url) else { return nil }
        (self.failure, self.advice) = (failure, advice)
    }

    var description: String { "\(failure)\n  \(advice)" }

    /// What to do about a failure; nil where nothing is known.
    static func advice(_ failure: ClientError, at url: String) -> String? {
        switch failure {
        case .notSecure(_, _, .unknownAuthority):
            return "Is it an authority of your own? Name the file of its certificate with --ca-file, or in WAYBILL_CA_FILE."
        case .notSecure(_, _, .wrongName): return "Name the platform in --url as its certificate does."
        case .notSecure(_, _, .expired): return "The platform needs a new one, or this machine's clock is wrong."
        case .notSecure(_, _, .notTLS): return "The address of a platform without TLS begins with http://."
        // What a server of TLS makes of a request without it.
        case .connectionClosed, .malformedResponse:
            return HTTPClient.isEncrypted(baseURL: url) ? nil : "If it speaks TLS, its address begins with https://."
        default: return nil
        }
    }
}
