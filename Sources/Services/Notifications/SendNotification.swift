import Contracts
import Logging
import Messaging
import Storage
import Wire

/// Sends a notification through its channel, and writes and tells how it ended.
struct SendNotification: JobHandler {
    struct Outcome: Sendable {
        let notification: PendingNotification
        let state: NotificationState
        let effect: NotificationState.Effect
        /// Why it failed; nil when it was sent.
        let failure: String?
    }

    static let jobKind = "send-notification"
    let kind = SendNotification.jobKind
    let channels: [String: any NotificationChannel]
    let outbox: Outbox
    let logger: Logger

    func perform(_ job: Job, context: ServiceContext) async throws -> Outcome {
        let notification = try PendingNotification(job)
        var state = NotificationState(failedAttempts: job.attempts)
        do {
            guard let channel = channels[notification.channel] else { throw ChannelFailure("there is no channel of this name") }
            try await channel.send(notification.message)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let effect = state.apply(.attemptFailed)
            if effect == .retry { throw error }
            let reason = (error as? ChannelFailure)?.reason ?? "\(type(of: error))"
            logger.error("a notification is given up", metadata: ["notification": "\(job.id)", "order": "\(job.key)", "channel": "\(notification.channel)"])
            return Outcome(notification: notification, state: state, effect: effect, failure: String(reason.prefix(200)))
        }
        let effect = state.apply(.delivered)
        return Outcome(notification: notification, state: state, effect: effect, failure: nil)
    }

    func record(_ finished: [FinishedJob<Outcome>], in transaction: any Transaction, context: ServiceContext) throws {
        let now = context.now
        let outcomes = finished.map(\.outcome)
        let isFirst = try NotificationTable.finish(outcomes, at: now, in: transaction)
        try outbox.append(zip(outcomes, isFirst).compactMap { $1 ? news(of: $0, at: now, context) : nil }, in: transaction)
    }

    /// What is told of an outcome.
    private func news(of outcome: Outcome, at now: Timestamp, _ context: ServiceContext) -> Envelope? {
        let notification = outcome.notification
        switch outcome.effect {
        case .none, .retry: return nil
        case .tellSent:
            let sent = NotificationSent(notificationID: notification.id, kind: notification.kind, channel: notification.channel)
            return envelope(sent, of: notification, at: now, context)
        case .tellFailed:
            let failed = NotificationFailed(
                notificationID: notification.id, kind: notification.kind, channel: notification.channel, reason: outcome.failure ?? "unknown")
            return envelope(failed, of: notification, at: now, context)
        }
    }

    private func envelope(_ event: some Event, of notification: PendingNotification, at now: Timestamp, _ context: ServiceContext) -> Envelope {
        Envelope(
            id: context.newID(at: now), source: context.service, key: notification.orderID, correlationID: notification.correlationID,
            causationID: notification.causationID, time: now, event: event)
    }
}
