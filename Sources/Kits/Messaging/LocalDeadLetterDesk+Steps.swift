import Storage
import Wire

/// The steps of what may be done to a dead letter, a transaction each.
extension LocalDeadLetterDesk {
    /// Counts the attempt durably before it is made, and refuses what need not be tried.
    func count(_ event: Identifier, _ edit: DeadLetterEdit?) async throws -> Result<Int64, DeadLetterRefusal> {
        let now = context.now
        return try await change(event, version: edit?.version) { letter, transaction in
            if let earlier = try DeadLetters.first(before: letter, in: transaction) { return .failure(.behind(earlier)) }
            if edit != nil { do { _ = try read(letter, edit) } catch let refusal as DeadLetterRefusal { return .failure(refusal) } }
            let attempt = letter.attempts + 1
            try Attempts.begin([event], attempt: attempt, at: now, in: transaction)
            return .success(attempt)
        }
    }

    func undo(_ event: Identifier, _ attempt: Int64) async throws {
        try await database.write { try Attempts.undo(event, attempt: attempt, in: $0) }
    }

    func apply(
        _ event: Identifier, _ edit: DeadLetterEdit?, attempt: Int64, by actor: String, note: String?
    ) async throws -> Result<DeadLetter, DeadLetterRefusal> {
        try await change(event, version: edit?.version) { letter, transaction in
            try handler.react(to: [try read(letter, edit)], in: transaction, context: context)
            // The history keeps what failed; this attempt did not.
            try Attempts.undo(event, attempt: attempt, in: transaction)
            try close(letter, .redriven, by: actor, because: note, edited: edit?.body, attempts: attempt, in: transaction)
            let changed = try record(LocalDeadLetterDesk.action(edit), of: letter, by: actor, in: transaction) { json in
                json.optional("note", note)
                LocalDeadLetterDesk.writeDifference(letter, edit, to: &json)
            }
            return .success(changed)
        }
    }

    func fail(
        _ event: Identifier, _ edit: DeadLetterEdit?, attempt: Int64, error: String, by actor: String, note: String?
    ) async throws -> Result<DeadLetter, DeadLetterRefusal> {
        try await change(event) { letter, transaction in
            try Attempts.fail(event, attempt: attempt, at: context.now, error: error, in: transaction)
            try DeadLetters.fail(event, attempts: attempt, error: error, in: transaction)
            let changed = try record(LocalDeadLetterDesk.action(edit), of: letter, by: actor, in: transaction) { json in
                json.member("failed", true)
                json.optional("note", note)
                LocalDeadLetterDesk.writeDifference(letter, edit, to: &json)
            }
            return .success(changed)
        }.flatMap { .failure(.failed($0)) }
    }

    /// Does something to an open letter in one transaction.
    /// - Parameter version: the one that the caller saw; nil for any.
    func change<T: Sendable>(
        _ event: Identifier, version: Int64? = nil, _ body: @escaping @Sendable (DeadLetter, any Transaction) throws -> Result<T, DeadLetterRefusal>
    ) async throws -> Result<T, DeadLetterRefusal> {
        let consumer = self.consumer
        return try await database.write { transaction in
            guard let letter = try DeadLetters.find(event, of: consumer, in: transaction) else { return .failure(.unknown) }
            guard letter.state == .open else { return .failure(.closed(letter)) }
            if let version, version != letter.version { return .failure(.changed(letter)) }
            return try body(letter, transaction)
        }
    }

    func close(
        _ letter: DeadLetter, _ state: DeadLetter.State, by actor: String, because reason: String?, edited: [UInt8]? = nil, attempts: Int64,
        in transaction: any Transaction
    ) throws {
        try DeadLetters.close(letter, state, at: context.now, by: actor, because: reason, edited: edited, attempts: attempts, in: transaction)
        transaction.onCommit { [backlog] in backlog.change(deadLetters: -1) }
    }

    /// The event to be applied. What it is about cannot be edited: another order's event would not be in order there.
    /// - Throws: ``DeadLetterRefusal/unfit(pointer:detail:)`` for an edit that is no such event.
    func read(_ letter: DeadLetter, _ edit: DeadLetterEdit?) throws -> Envelope {
        guard let edit else { return try Envelope(body: letter.body, registry: registry) }
        let event: Envelope
        do { event = try Envelope(body: edit.body, registry: registry) } catch {
            let pointer = (error as? JSONMismatch).map { $0.key.isEmpty ? "" : "/\($0.key)" } ?? ""
            throw DeadLetterRefusal.unfit(pointer: pointer, detail: ErrorText.of(error))
        }
        if event.id != letter.eventID { throw DeadLetterRefusal.unfit(pointer: "/eventId", detail: "must stay \(letter.eventID)") }
        if event.type != letter.type { throw DeadLetterRefusal.unfit(pointer: "/type", detail: "must stay \(letter.type)") }
        if event.key != letter.key {
            throw DeadLetterRefusal.unfit(pointer: "/\(Swift.type(of: event.event).keyName)", detail: "must stay \(letter.key)")
        }
        return event
    }

    private static func action(_ edit: DeadLetterEdit?) -> String { edit == nil ? "dead-letter.redrive" : "dead-letter.edit" }

    /// Writes down what was done to a letter.
    /// - Returns: the letter as it is now.
    func record(
        _ action: String, of letter: DeadLetter, by actor: String, in transaction: any Transaction, _ more: (inout JSONWriter) -> Void
    ) throws -> DeadLetter {
        let changed = try DeadLetters.find(letter.eventID, of: consumer, in: transaction) ?? letter
        try AdminLog(context: context).record(
            actor: actor, action: action, subject: letter.id.description, before: JSONWriter.object { LocalDeadLetterDesk.write(letter, to: &$0) },
            after: JSONWriter.object { json in
                LocalDeadLetterDesk.write(changed, to: &json)
                more(&json)
            }, in: transaction)
        return changed
    }

    private static func write(_ letter: DeadLetter, to json: inout JSONWriter) {
        json.member("state", letter.state.name)
        json.member("version", letter.version)
        json.member("attempts", letter.attempts)
        json.member("error", letter.error)
    }

    private static func writeDifference(_ letter: DeadLetter, _ edit: DeadLetterEdit?, to json: inout JSONWriter) {
        guard let edit, let before = try? JSONParser.parse(letter.body), let after = try? JSONParser.parse(edit.body) else { return }
        json.key("changes")
        json.array(JSONDifference.between(before, after)) { $1.write(to: &$0) }
    }
}
