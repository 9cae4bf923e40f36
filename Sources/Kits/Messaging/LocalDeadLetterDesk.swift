import Storage
import Wire

/// The dead letters of a consumer in this process.
struct LocalDeadLetterDesk: DeadLetterDesk {
    let handler: any EventHandler
    let database: any Database
    /// What the consumer understands.
    let registry: EventRegistry
    let suspicious: OneAtATime
    let context: ServiceContext
    let backlog: ConsumerBacklog

    var consumer: String { context.service }

    func list(_ filter: DeadLetterFilter, after place: DeadLetterID?, limit: Int) async throws -> [DeadLetter] {
        let consumer = self.consumer
        let start = place?.eventID ?? Identifier(high: .max, low: .max)
        // The place's own event may be dead here as well; whether that stands behind the place, the consumers' names decide.
        return try await database.read { transaction in
            let letters = try DeadLetters.list(filter, from: start, limit: limit + 1, of: consumer, in: transaction)
            guard let place else { return Array(letters.prefix(limit)) }
            return Array(letters.drop { !DeadLetterID.isListed(place, before: $0.id) }.prefix(limit))
        }
    }

    func oldest(_ filter: DeadLetterFilter, after place: DeadLetter?, limit: Int) async throws -> [DeadLetter] {
        let consumer = self.consumer
        return try await database.read { try DeadLetters.oldest(filter, after: place, limit: limit, of: consumer, in: $0) }
    }

    func groups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup] {
        let consumer = self.consumer
        return try await database.read { try DeadLetters.groups(filter, of: consumer, in: $0) }
    }

    func find(_ event: Identifier) async throws -> DeadLetterFile? {
        let consumer = self.consumer
        return try await database.read { transaction in
            guard let letter = try DeadLetters.find(event, of: consumer, in: transaction) else { return nil }
            return DeadLetterFile(
                letter: letter, attempts: try Attempts.history(of: event, in: transaction),
                parkedBehind: try Parking.count(of: letter.key, in: transaction), behind: try DeadLetters.first(before: letter, in: transaction))
        }
    }

    func actions(_ filter: AdminActionFilter, before id: Identifier?, limit: Int) async throws -> [AdminAction] {
        try await database.read { try AdminLog.list(filter, before: id, limit: limit, in: $0) }
    }

    func archive(_ event: Identifier, reason: String, by actor: String) async throws -> Result<DeadLetter, DeadLetterRefusal> {
        try await change(event) { letter, transaction in
            try close(letter, .archived, by: actor, because: reason, attempts: letter.attempts, in: transaction)
            return .success(try record("dead-letter.archive", of: letter, by: actor, in: transaction) { $0.member("reason", reason) })
        }
    }

    /// The inbox has known the event since it was parked: what lets it through once more, and once only, is the letter's state, which changes in the
    /// transaction of the effect (RELIABILITY, trap 14).
    func redrive(_ event: Identifier, edit: DeadLetterEdit?, by actor: String, note: String?) async throws -> Result<DeadLetter, DeadLetterRefusal> {
        try await suspicious.alone {
            let attempt: Int64
            switch try await count(event, edit) {
            case .success(let number): attempt = number
            case .failure(let refusal): return .failure(refusal)
            }
            do {
                let result = try await apply(event, edit, attempt: attempt, by: actor, note: note)
                if case .failure = result { try await undo(event, attempt) }
                return result
            } catch let error as StorageError where error.isOutage {
                try? await undo(event, attempt)
                throw error
            } catch {
                return try await fail(event, edit, attempt: attempt, error: ErrorText.of(error), by: actor, note: note)
            }
        }
    }

    func rehearse(_ event: Identifier, edit: DeadLetterEdit?) async throws -> Result<Rehearsal, DeadLetterRefusal> {
        try await suspicious.alone {
            do {
                return try await change(event, version: edit?.version) { letter, transaction in
                    let envelope = try read(letter, edit)
                    let recorder = RehearsalTransaction(transaction)
                    try handler.react(to: [envelope], in: recorder, context: context)
                    throw Rehearsed(rehearsal: recorder.rehearsal)
                }
            } catch let rehearsed as Rehearsed {
                return .success(rehearsed.rehearsal)
            } catch let refusal as DeadLetterRefusal {
                return .failure(refusal)
            } catch let error as StorageError where error.isOutage {
                throw error
            } catch {
                return .success(Rehearsal(error: ErrorText.of(error), writes: [], events: [], jobs: []))
            }
        }
    }
}
