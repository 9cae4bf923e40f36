import HTTPTypes
import Messaging
import Web
import Wire

/// What may be done to one dead letter. Repeating a request is safe: a letter that is closed is refused with 409.
struct DeadLetterChanges: Sendable {
    let desks: DeadLetterDesks

    /// `POST /admin/dead-letters/{id}/redrive`: applies the event as it is.
    func redrive(_ request: WebRequest) async throws -> WebResponse {
        let (desk, event) = try desks.named(by: request)
        let actor = try request.actor()
        let body = BodyReader(try request.optionalObject())
        body.allow("note")
        let note = body.string("note", maximum: 500)
        try body.finish()
        return try DeadLetterChanges.answer(try await desk.redrive(event, edit: nil, by: actor, note: note))
    }

    /// `POST /admin/dead-letters/{id}/edit-and-redrive`: applies an edited event, if nobody else was first.
    func edit(_ request: WebRequest) async throws -> WebResponse {
        let (desk, event) = try desks.named(by: request)
        let actor = try request.actor()
        let body = BodyReader(try request.object())
        body.allow("event", "version", "note")
        let edit = DeadLetterChanges.edit(body, required: true)
        let note = body.string("note", maximum: 500)
        try body.finish()
        return try DeadLetterChanges.answer(try await desk.redrive(event, edit: edit, by: actor, note: note))
    }

    /// `POST /admin/dead-letters/{id}/dry-run`: what the handler would do to the event, as it is or edited, and nothing done.
    func rehearse(_ request: WebRequest) async throws -> WebResponse {
        let (desk, event) = try desks.named(by: request)
        let body = BodyReader(try request.optionalObject())
        body.allow("event", "version")
        let edit = DeadLetterChanges.edit(body, required: false)
        try body.finish()
        switch try await desk.rehearse(event, edit: edit) {
        case .success(let rehearsal): return .json(capacity: 4096) { DeadLetterJSON.write(rehearsal, to: &$0) }
        case .failure(let refusal): throw DeadLetterChanges.problem(refusal)
        }
    }

    /// `DELETE /admin/dead-letters/{id}?reason=`: puts the letter aside; it is kept for 30 days and in the record of actions.
    func archive(_ request: WebRequest) async throws -> WebResponse {
        let (desk, event) = try desks.named(by: request)
        let actor = try request.actor()
        guard let reason = try request.parameter("reason"), (1...500).contains(reason.unicodeScalars.count) else {
            throw Problem.badParameter("reason", "must say why, in 1 to 500 characters")
        }
        return try DeadLetterChanges.answer(try await desk.archive(event, reason: reason, by: actor))
    }

    private static func edit(_ body: BodyReader, required: Bool) -> DeadLetterEdit? {
        let version = body.integer("version", in: 1...Int64.max)
        guard let event = body.value("event", required: required) else { return nil }
        guard event.object != nil else {
            body.refuse("event", "must be the whole event as an object, not \(event.kind)")
            return nil
        }
        var json = JSONWriter(capacity: 1024)
        json.value(event)
        return DeadLetterEdit(body: json.bytes, version: version)
    }

    private static func answer(_ result: Result<DeadLetter, DeadLetterRefusal>) throws -> WebResponse {
        switch result {
        case .success(let letter): return .json { DeadLetterJSON.write(letter, to: &$0) }
        case .failure(let refusal): throw problem(refusal)
        }
    }

    /// A refusal as clients see it.
    static func problem(_ refusal: DeadLetterRefusal) -> Problem {
        switch refusal {
        case .unknown: return .notFound("dead letter")
        case .closed(let letter):
            let who = letter.closedBy ?? "somebody"
            return conflict("dead-letter-closed", "This dead letter was \(letter.state.name) by \(who) at \(letter.closedAt ?? letter.diedAt).", letter)
        case .changed(let letter):
            return conflict("dead-letter-changed", "This dead letter is at version \(letter.version) by now; look at it again.", letter)
        case .behind(let earlier):
            return Problem(
                .conflict, "dead-letter-behind", "An earlier event of the same order lies dead as well; redrive or archive \(earlier) first."
            ) { $0.member("behind", earlier.description) }
        case .unfit(let pointer, let detail): return .invalid([.init(pointer: "/event\(pointer)", detail: detail)])
        case .failed(let letter):
            return Problem(.unprocessableContent, "redrive-failed", "The event still cannot be applied: \(letter.error).") { json in
                json.key("deadLetter")
                json.object { DeadLetterJSON.write(letter, to: &$0) }
            }
        }
    }

    private static func conflict(_ type: String, _ detail: String, _ letter: DeadLetter) -> Problem {
        Problem(.conflict, type, detail) { json in
            json.key("deadLetter")
            json.object { DeadLetterJSON.write(letter, to: &$0) }
        }
    }
}
