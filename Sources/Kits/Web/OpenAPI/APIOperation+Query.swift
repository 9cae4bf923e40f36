import Wire

extension APIOperation {
    /// Holds a request to the declared query parameters, so that a misspelt filter is not silently ignored.
    /// - Throws: ``Problem`` 400.
    public func check(_ request: WebRequest) throws(Problem) {
        guard isStrict, !(request.query.isEmpty && query.isEmpty) else { return }
        for given in request.query where !query.contains(where: { $0.name == given.name }) {
            let names = query.map(\.name)
            throw Problem.badParameter(given.name, names.isEmpty ? "is unknown: there are none here" : "is unknown; known: \(names.joined(separator: ", "))")
        }
        for parameter in query {
            guard let text = try request.parameter(parameter.name) else {
                if parameter.isRequired { throw Problem.badParameter(parameter.name, "is required") }
                continue
            }
            if let objection = parameter.schema.objection(to: text) { throw Problem.badParameter(parameter.name, objection) }
        }
    }
}

extension APISchema {
    /// What is wrong with a parameter's text, as a phrase; nil where nothing is.
    func objection(to text: String) -> String? {
        switch self {
        case .integer(let range):
            guard let number = Int64(text), range.contains(number), text.utf8.first != UInt8(ascii: "+") else {
                let bounds = range.upperBound == .max ? ", at least \(range.lowerBound)" : " from \(range.lowerBound) to \(range.upperBound)"
                return "must be a whole number\(bounds)"
            }
        case .oneOf(let words):
            if !words.contains(where: { $0.utf8.elementsEqual(text.utf8) }) { return "must be one of \(words.joined(separator: ", "))" }
        case .boolean: if text != "true", text != "false" { return "must be true or false" }
        case .identifier: if Identifier(text) == nil { return "must be a UUID" }
        case .timestamp: if Timestamp(text) == nil { return "must be an RFC 3339 time (2026-11-21T13:00:00Z)" }
        case .timestampOrDay:
            if Timestamp(text) == nil, Timestamp(text + "T00:00:00Z") == nil {
                return "must be an RFC 3339 time (2026-11-21T13:00:00Z) or a day (2026-11-21)"
            }
        case .text(let range, let pattern):
            if pattern == APISchema.linePattern, text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
                return "must not contain control characters"
            }
            if !range.contains(text.unicodeScalars.count) { return "must have \(range.lowerBound) to \(range.upperBound) characters" }
        case .component(_, let schema): return schema.objection(to: text)
        default: break
        }
        return nil
    }
}
