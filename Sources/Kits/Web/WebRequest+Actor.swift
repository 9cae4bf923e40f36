import HTTPTypes

extension WebRequest {
    /// Who asks for an administrator's action, for the record: who sends the request; where nobody was asked who he is, the header `X-Waybill-Actor`, or
    /// "anonymous admin".
    /// - Throws: ``Problem`` 400 for a name that is no name.
    public func actor() throws(Problem) -> String {
        guard principal.kind == .open else { return principal.subject }
        guard let name = headers[.actor]?.trimmed, !name.isEmpty else { return "anonymous admin" }
        guard name.unicodeScalars.count <= 100, name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
            throw Problem(.badRequest, "bad-actor", "The header X-Waybill-Actor must have at most 100 characters and no control characters.")
        }
        return name
    }
}

extension HTTPField.Name {
    /// Names the person on whose behalf an administrator's action is taken.
    public static let actor = HTTPField.Name("X-Waybill-Actor") ?? .from
}
