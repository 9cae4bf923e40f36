import Messaging
import Storage
import Wire

/// Writes down what an attempt came to, and all that follows from it.
struct RecordDelivery: Sendable {
    let context: ServiceContext

    /// What has become of it, for counters and the log.
    enum Result: Sendable, Equatable {
        case delivered
        case failed
        case givenUp
        /// Somebody else has written meanwhile, or the endpoint is gone.
        case obsolete
        /// The endpoint was disabled, for this reason.
        case disabled(String)
    }

    func write(
        _ attempt: WebhookAttempt, of delivery: WebhookDelivery, outcome: WebhookRetry.Outcome, random: UInt64, in transaction: any Transaction
    ) throws -> Result {
        guard var webhook = try WebhookTable.lock(delivery.webhook, in: transaction), webhook.state != .deleted else { return .obsolete }
        let now = context.now
        let isTest = delivery.type == Webhook.test
        let verdict = WebhookRetry.verdict(
            on: outcome, tries: delivery.tries + 1, createdAt: delivery.createdAt, now: now, isTest: isTest, random: random)
        var settled = delivery
        switch verdict {
        case .delivered: (settled.state, settled.finishedAt) = (.delivered, now)
        case .gone, .givenUp: (settled.state, settled.finishedAt) = (.failed, now)
        case .again(let milliseconds, _): settled.dueAt = now.advanced(byMilliseconds: milliseconds)
        }
        guard try WebhookDeliveryTable.settle(settled, attempt, in: transaction) else { return .obsolete }
        if settled.state != .pending { try WebhookDeliveryTable.promote(after: delivery, in: transaction) }
        // What a test shows says nothing about how events fare.
        if isTest { return verdict == .delivered ? .delivered : .givenUp }
        if let reason = RecordDelivery.note(verdict, in: &webhook, at: now) {
            try disable(&webhook, because: reason, in: transaction)
            return .disabled(reason)
        }
        try WebhookTable.save(webhook, in: transaction)
        switch verdict {
        case .delivered: return .delivered
        case .again: return .failed
        case .gone, .givenUp: return .givenUp
        }
    }

    /// Notes how the endpoint fares.
    /// - Returns: why it is to be disabled, if so.
    private static func note(_ verdict: WebhookRetry.Verdict, in webhook: inout Webhook, at now: Timestamp) -> String? {
        if verdict == .delivered {
            (webhook.failingSince, webhook.succeededAt, webhook.heldUntil) = (nil, now, nil)
            return nil
        }
        let since = webhook.failingSince ?? now
        webhook.failingSince = since
        guard webhook.state == .active else { return nil }
        if verdict == .gone { return "the endpoint answered 410 Gone" }
        if case .again(let milliseconds, true) = verdict { webhook.heldUntil = now.advanced(byMilliseconds: milliseconds) }
        return now.milliseconds - since.milliseconds >= WebhookRetry.patienceMilliseconds ? "nothing but failures for 5 days" : nil
    }

    /// Gives an endpoint up, with all that waits for it, and tells its owner's other endpoints and the record of actions.
    func disable(_ webhook: inout Webhook, because reason: String, in transaction: any Transaction) throws {
        let now = context.now
        let before = webhook.record
        (webhook.state, webhook.reason, webhook.updatedAt, webhook.heldUntil) = (.disabled, reason, now, nil)
        try WebhookTable.save(webhook, in: transaction)
        let end = now.advanced(byMilliseconds: 1)
        _ = try WebhookCleaning.giveUp(webhook.id, createdBefore: end, because: "the webhook was disabled: \(reason)", at: now, in: transaction)
        try AdminLog(context: context).record(
            actor: "waybill", action: "webhook.disable", subject: webhook.subject, before: before, after: webhook.record, in: transaction)
        let disabled = webhook
        let others = try WebhookTable.listening(in: transaction).filter {
            $0.id != disabled.id && $0.owner == disabled.owner && $0.state == .active && $0.wants(Webhook.disabled)
        }
        let notices = others.map { other in
            WebhookMessage.notice(Webhook.disabled, to: other, context: context) { json in
                json.member("webhookId", disabled.id)
                json.member("url", disabled.url)
                json.member("reason", reason)
                json.optional("failingSince", disabled.failingSince)
            }
        }
        if !notices.isEmpty { try WebhookDeliveryTable.add(notices, in: transaction) }
    }
}

extension Webhook {
    /// Its name in the record of actions.
    var subject: String { "webhook:\(id)" }
}
