import WaybillClient

/// A platform's refusal for want of a token or of rights, with what to do about it.
struct AccessRefused: Error, CustomStringConvertible {
    let refusal: APIError
    let origin: Credentials.Origin

    /// Nil for any other error.
    init?(_ error: any Error, _ origin: Credentials.Origin) {
        guard let refusal = error as? APIError, [401, 403].contains(refusal.status) else { return nil }
        (self.refusal, self.origin) = (refusal, origin)
    }

    var description: String { "\(refusal)\n  \(advice)" }

    private var advice: String {
        guard refusal.status == 401 else {
            return "It came with \(origin.words). docs/access.md says who may do what; \"waybill token --role ROLE\" makes another one."
        }
        switch origin {
        case .none:
            return """
                No token was sent. Where the platform runs, "waybill token --role admin --subject NAME" makes one for WAYBILL_TOKEN or --token-file; \
                or name the platform's data folder in WAYBILL_DATA, or its configuration in WAYBILL_CONFIG.
                """
        case .made(let keys):
            return "The token was made with the keys of \(keys). Another platform? Name its data folder in WAYBILL_DATA, or its file in WAYBILL_CONFIG."
        case .login(let id):
            return "The platform does not know \(id) any more, or not for this: \"waybill login\" again."
        case .option, .variable, .file:
            return "It came with \(origin.words), which may have expired. \"waybill token\" makes a new one."
        }
    }
}
