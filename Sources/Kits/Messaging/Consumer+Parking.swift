import Logging
import Storage
import Wire

/// Events that failed are parked, so that they hold up their own order only.
extension Consumer {
    func park(_ event: Envelope, _ error: any Error, attempt: Int64) async -> Bool {
        failed.increment()
        let text = ErrorText.of(error)
        logger.warning(
            "an event failed and is parked", metadata: ["event": "\(event.type)", "id": "\(event.id)", "order": "\(event.key)", "error": "\(text)"])
        let positions = positions(of: [event])
        return await retryingOutages {
            try await database.write { transaction in
                try self.checkClaims(in: transaction)
                guard try self.admits(event, in: transaction) else { return }
                let now = self.context.now
                let due = now.advanced(byMilliseconds: Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempt)) ?? 0)
                try self.park(.init(event), attempts: attempt, due: due, error: text, now: now, in: transaction)
                try Attempts.fail(event.id, attempt: attempt, at: now, error: text, in: transaction)
                try Inbox.advance(positions, in: transaction)
            }
        }
    }

    /// Parks what cannot even be read. It may be repaired when it is a dead letter.
    func park(_ event: BrokenEvent, from source: String) async -> Bool {
        failed.increment()
        let newcomer = Parking.Newcomer(event, from: source)
        logger.error(
            "an event is broken and parked",
            metadata: ["event": "\(event.type)", "id": "\(newcomer.id)", "order": "\(event.key)", "error": "\(event.error)"])
        return await retryingOutages {
            try await database.write { transaction in
                try self.checkClaims(in: transaction)
                let now = self.context.now
                // No inbox row tells of it: delivered again, it may lie dead already.
                if try DeadLetters.find(newcomer.id, of: self.context.service, in: transaction) == nil {
                    let due = now.advanced(byMilliseconds: Consumer.schedule.delaysMilliseconds[0])
                    try self.park(newcomer, attempts: 1, due: due, error: event.error, now: now, in: transaction)
                    try Attempts.fail(newcomer.id, attempt: 1, at: now, error: event.error, in: transaction)
                }
                if self.replicas == nil { try Inbox.advance([source: event.sequence], in: transaction) }
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
}
