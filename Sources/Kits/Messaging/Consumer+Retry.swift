import Logging
import Storage
import Wire

/// Parked events: tried again, and in the end dead letters.
extension Consumer {
    func retryLoop() async {
        while !Task.isCancelled {
            do {
                // With others at work on the same database a look is a question to it; whoever parks something looks often from then on.
                let isWatchful = replicas == nil || mayBeParked.load(ordering: .relaxed)
                try await context.clock.sleep(for: .milliseconds(isWatchful ? 100 : 500))
                feed.hurry()
                // Where there are several processes, one of them does this, whoever parked the events.
                let isMine = replicas.map { $0.lease.isHeld } ?? mayBeParked.load(ordering: .relaxed)
                if isMine { while try await retryParked() > 0 {} }
            } catch is CancellationError { return } catch is Lease.Lost { continue } catch StorageError.closed { return } catch {
                logger.error("cannot retry parked events", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Tries the due parked events again, each counted first and then handled in a transaction of its own: the step that a simulation drives.
    /// - Returns: how many left the parking.
    package func retryParked() async throws -> Int {
        let now = context.now
        if replicas != nil {
            let isEmpty = try await database.read { try Parking.isEmpty(in: $0) }
            mayBeParked.store(!isEmpty, ordering: .relaxed)
            if isEmpty { return 0 }
        }
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
        let arrival = Result { try Envelope(arriving: entry.body, key: entry.key, registry: registry) }
        if case .success(let event) = arrival, !event.isReadable {
            try await waitForUpdate(entry)
            return false
        }
        // Nothing is left to try: the process ended at the last attempt.
        if entry.attempts > 0, Consumer.schedule.delayMilliseconds(afterAttempt: Int(entry.attempts)) == nil {
            return try await bury(entry, attempts: entry.attempts, error: entry.error)
        }
        let (handler, context) = (self.handler, self.context)
        let attempt = try await count(entry)
        do {
            try await database.write { transaction in
                try self.replicas?.lease.check(in: transaction)
                let event = try arrival.get()
                try self.release(entry, in: transaction)
                try Attempts.forget([entry.eventID], in: transaction)
                try handler.react(to: [event], in: transaction, context: context)
            }
            return true
        } catch let lost as Lease.Lost { throw lost } catch let error as StorageError where error.isOutage {
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
        let topic = topic(of: entry)
        let now = context.now
        try await database.write { transaction in
            try self.replicas?.lease.check(in: transaction)
            try Parking.bury(entry, topic: topic ?? "unknown", attempts: attempts, error: error, now: now, in: transaction)
            if let replicas = self.replicas, let topic {
                let id = DeadLetterID(consumer: self.context.service, eventID: entry.eventID)
                try Outbox.append(
                    type: entry.type, key: entry.key, body: entry.body, topic: BrokerTopology.deadLetters(of: topic),
                    headers: DeadLetterHeaders.text(id, attempts: attempts, error: error), in: transaction)
                transaction.onCommit(replicas.wakeRelay)
            }
            try Attempts.fail(entry.eventID, attempt: attempts, at: now, error: error, in: transaction)
            transaction.onCommit { self.backlog.change(parked: -1, deadLetters: 1) }
        }
        dead.increment()
        logger.error(
            "an event became a dead letter", metadata: ["id": "\(entry.eventID)", "type": "\(entry.type)", "order": "\(entry.key)", "error": "\(error)"])
        return true
    }

    /// The topic whose dead letter an event becomes. Never one that this consumer has not heard of: nobody has made a topic of that name, and what is published there would be
    /// held back for ever.
    private func topic(of entry: Parking.Entry) -> String? {
        let types = handler.subscriptions
        let topics = Set(registry.types.filter { types?.contains($0.type) ?? true }.map { $0.topic })
        if let topic = entry.topic, topics.contains(topic) { return topic }
        return registry[entry.type]?.topic ?? topics.min()
    }

    private func release(_ entry: Parking.Entry, in transaction: any Transaction) throws {
        try Parking.remove(entry, in: transaction)
        transaction.onCommit { self.backlog.change(parked: -1) }
    }
}
