import Storage
import Wire

/// The first events after a crash.
extension Consumer {
    /// Applies events one of which may have ended the process: counted before they are tried, fewer together the more often they were tried, and one consumer
    /// of the process at a time. An event that ended the process alone is parked, and the others go on.
    func applyCarefully(_ events: [Envelope]) async -> Bool {
        let suspects = careful.withLock { $0?.suspects ?? [:] }
        var batch: [Envelope] = []
        var number: Int64 = 1
        for event in events {
            // What is too new is not handled, only parked: no attempt.
            let next = event.isReadable ? (suspects[event.id] ?? 0) + 1 : 0
            let room = CarefulStart.batch(attempt: next)
            if next != number || batch.count == room || room == nil {
                guard await attempt(batch, number) else { return false }
                (batch, number) = ([], next)
            }
            if room == nil {
                guard await parkSuspect(event, attempts: next - 1) else { return false }
            } else {
                batch.append(event)
            }
        }
        return await attempt(batch, number)
    }

    /// Counts an attempt at these events, durably, then makes it; number 0 is not counted.
    private func attempt(_ events: [Envelope], _ number: Int64) async -> Bool {
        if events.isEmpty { return true }
        if number == 0 { return await apply(events) }
        let (now, ids) = (context.now, events.map(\.id))
        return await bus.suspicious.alone {
            let isCounted = await retryingOutages {
                try await database.write { try Attempts.begin(ids, attempt: number, at: now, in: $0) }
            }
            return isCounted ? await apply(events, counted: number) : false
        }
    }

    /// Parks an event that ended the process when it was handled alone, so that the others go on before it is tried again.
    private func parkSuspect(_ event: Envelope, attempts: Int64) async -> Bool {
        failed.increment()
        logger.error(
            "the process ended while this event was handled alone; it is parked",
            metadata: ["event": "\(event.type)", "id": "\(event.id)", "order": "\(event.key)", "attempts": "\(attempts)"])
        let positions = positions(of: [event])
        return await retryingOutages {
            try await database.write { transaction in
                try self.checkClaims(in: transaction)
                guard try self.admits(event, in: transaction) else { return }
                let now = self.context.now
                let due = now.advanced(byMilliseconds: Consumer.schedule.delayMilliseconds(afterAttempt: Int(attempts)) ?? 0)
                try self.park(.init(event), attempts: attempts, due: due, error: ErrorText.processEnded, now: now, in: transaction)
                try Inbox.advance(positions, in: transaction)
            }
        }
    }

    /// Notes that a source's events are applied or parked up to here; past the last that was in flight, all is as usual again.
    func passedCarefully(_ source: String, through sequence: Int64) {
        careful.withLock { start in
            start?.passed(source, through: sequence)
            if start?.isOver == true { start = nil }
        }
    }
}
