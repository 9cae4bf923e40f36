import Logging
import Storage
import Wire

/// Events that failed: parked, tried again, and in the end dead letters.
extension Consumer {
    func park(_ event: Envelope, _ error: any Error, attempt: Int64) async -> Bool {
        failed.increment()
        let text = ErrorText.of(error)
        logger.warning(
            "an event failed and is parked", metadata: ["event": "\(event.type)", "id": "\(event.id)", "order": "\(event.key)", "error": "\(text)"])
        let admits = !handler.deduplicatesItself
        let positions = positions(of: [event])
        return await retryingOutages {
            try await database.write { transaction in
                if admits { guard try !Inbox.admit([event], in: transaction).isEmpty else { return } }
                let now = self.context.now
                let due = now.advanced(byMilliseconds: Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempt)) ?? 0)
                try self.park(.init(event), attempts: attempt, due: due, error: text, now: now, in: transaction)
                try Attempts.fail(event.id, attempt: attempt, at: now, error: text, in: transaction)
                try Inbox.advance(positions, in: transaction)
            }
        }
    }

    /// Parks what cannot even be read. A program that can may find it in the dead letters.
    func park(_ event: UnreadableEvent, from source: String) async -> Bool {
        failed.increment()
        let newcomer = Parking.Newcomer(event, from: source)
        logger.error(
            "an event cannot be read and is parked",
            metadata: ["event": "\(event.type)", "id": "\(newcomer.id)", "order": "\(event.key)", "error": "\(event.error)"])
        return await retryingOutages {
            try await database.write { transaction in
                let now = self.context.now
                let due = now.advanced(byMilliseconds: Consumer.schedule.delaysMilliseconds[0])
                try self.park(newcomer, attempts: 1, due: due, error: event.error, now: now, in: transaction)
                try Attempts.fail(newcomer.id, attempt: 1, at: now, error: event.error, in: transaction)
                try Inbox.advance([source: event.sequence], in: transaction)
            }
        }
    }

    /// Writes an event into the parking, if it is not there yet.
    func park(_ event: Parking.Newcomer, attempts: Int64, due: Timestamp, error: String, now: Timestamp, in transaction: any Transaction) throws {
        guard try Parking.park(event, attempts: attempts, due: due, error: error, now: now, in: transaction) else { return }
        transaction.onCommit {
            self.mayBeParked.store(true, ordering: .relaxed)
            self.backlog.change(parked: 1)
        }
    }

    func retryLoop() async {
        while !Task.isCancelled {
            do {
                try await context.clock.sleep(for: .milliseconds(100))
                if mayBeParked.load(ordering: .relaxed) { while try await retryParked() > 0 {} }
            } catch is CancellationError { return } catch StorageError.closed { return } catch {
                logger.error("cannot retry parked events", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Tries the due parked events again, each counted first and then handled in a transaction of its own: the step that a simulation drives.
    /// - Returns: how many left the parking.
    func retryParked() async throws -> Int {
        let now = context.now
        // The flag follows the order of the commits: set after this returned, it could hide an event that was parked meanwhile.
        let due = try await database.write { transaction in
            if try Parking.isEmpty(in: transaction) { transaction.onCommit { self.mayBeParked.store(false, ordering: .relaxed) } }
            return try Parking.due(at: now, limit: 100, in: transaction)
        }
        var released = 0
        for entry in due where try await bus.suspicious.alone({ try await retry(entry) }) { released += 1 }
        return released
    }

    private func retry(_ entry: Parking.Entry) async throws -> Bool {
        // Nothing is left to try: the process ended at the last attempt.
        if entry.attempts > 0, Consumer.schedule.delayMilliseconds(afterAttempt: Int(entry.attempts)) == nil {
            return try await bury(entry, attempts: entry.attempts, error: entry.error)
        }
        let (handler, context, registry) = (self.handler, self.context, bus.registry)
        let attempt = try await count(entry)
        do {
            try await database.write { transaction in
                let event = try Envelope(body: entry.body, registry: registry)
                try self.release(entry, in: transaction)
                try Attempts.forget([entry.eventID], in: transaction)
                try handler.react(to: [event], in: transaction, context: context)
            }
            return true
        } catch let error as StorageError where error.isOutage {
            try? await database.write { transaction in
                try Parking.postpone(entry, attempts: entry.attempts, due: entry.due, error: entry.error, in: transaction)
                try Attempts.undo(entry.eventID, attempt: attempt, in: transaction)
            }
            throw error
        } catch {
            return try await fail(entry, attempt: attempt, error: ErrorText.of(error))
        }
    }

    /// Counts an attempt that is about to be made, as if it had failed already: if the process ends now, this is what the next start finds.
    private func count(_ entry: Parking.Entry) async throws -> Int64 {
        let attempt = entry.attempts + 1
        let now = context.now
        let due = now.advanced(byMilliseconds: Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempt)) ?? 0)
        try await database.write { transaction in
            try Parking.postpone(entry, attempts: attempt, due: due, error: ErrorText.processEnded, in: transaction)
            try Attempts.begin([entry.eventID], attempt: attempt, at: now, in: transaction)
        }
        return attempt
    }

    /// Writes down a failed attempt; after the last one the event becomes a dead letter and those behind it go on.
    private func fail(_ entry: Parking.Entry, attempt: Int64, error: String) async throws -> Bool {
        failed.increment()
        guard let delay = Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempt)) else {
            return try await bury(entry, attempts: attempt, error: error)
        }
        let now = context.now
        let due = now.advanced(byMilliseconds: delay)
        try await database.write { transaction in
            try Parking.postpone(entry, attempts: attempt, due: due, error: error, in: transaction)
            try Attempts.fail(entry.eventID, attempt: attempt, at: now, error: error, in: transaction)
        }
        return false
    }

    private func bury(_ entry: Parking.Entry, attempts: Int64, error: String) async throws -> Bool {
        let topic = bus.registry[entry.type]?.topic ?? "unknown"
        let now = context.now
        try await database.write { transaction in
            try Parking.bury(entry, topic: topic, attempts: attempts, error: error, now: now, in: transaction)
            try Attempts.fail(entry.eventID, attempt: attempts, at: now, error: error, in: transaction)
            transaction.onCommit { self.backlog.change(parked: -1, deadLetters: 1) }
        }
        dead.increment()
        logger.error(
            "an event became a dead letter", metadata: ["id": "\(entry.eventID)", "type": "\(entry.type)", "order": "\(entry.key)", "error": "\(error)"])
        return true
    }

    private func release(_ entry: Parking.Entry, in transaction: any Transaction) throws {
        try Parking.remove(entry, in: transaction)
        transaction.onCommit { self.backlog.change(parked: -1) }
    }
}
