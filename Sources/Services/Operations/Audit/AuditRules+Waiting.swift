import Contracts
import Messaging
import Wire

/// What takes too long: L1, L2, and what was given up.
extension AuditRules {
    /// How long an event, a job or a timer may be late.
    static let patienceMilliseconds: Int64 = 60_000
    /// How long an event may lie in an outbox before somebody who waits for it has applied it.
    static let lagMilliseconds: Int64 = 30_000

    static let waiting: [AuditRule] = [
        .order(
            "L1-settled-in-time", "an order is settled by its deadline, and a cancellation in a minute", .always,
            else: "A person asks waybill orders explain what it waits for, and resumes it."
        ) { evidence, now in
            guard let order = evidence.record.order, let limit = order.limit, now > limit.advanced(byMilliseconds: OpenOrders.graceMilliseconds) else {
                return nil
            }
            return .init(
                evidence: "\(order.name) since \(order.since), to be settled by \(limit)",
                action: order.status == .cancelling ? nil : .cancel(evidence.id, reason: "deadline"))
        },
        .order(
            "L1-deadline-set", "an order that is not settled has a timer that ends it", .always, else: "orders sets the deadline's timer again"
        ) { evidence, now in
            guard let order = evidence.record.order, order.status == .created || order.status == .reserved, !order.hasDeadline, now < order.deadline else {
                return nil
            }
            return .init(evidence: "\(order.name), and no timer is set for its deadline \(order.deadline)", action: .setDeadline(evidence.id))
        },
    ]

    static let traffic: [AuditRule] = [
        AuditRule(
            id: "S8-dead-letters", title: "no event was given up", proposal: "A person removes the cause and has the dead letter delivered again.",
            check: .traffic { snapshot, _ in
                snapshot.dead.map { (.order($0.key), "\($0.consumer) gave up \($0.type) \($0.eventID) after \($0.attempts) attempts: \($0.error)") }
            }),
        AuditRule(
            id: "L2-outbox-lag", title: "what is said is heard within half a minute", proposal: "A person looks whether the consumer runs, and at its log.",
            check: .traffic { snapshot, now in
                snapshot.lags.filter { now.milliseconds - $0.since.milliseconds > lagMilliseconds }.map {
                    (.service($0.consumer), "\($0.consumer) has not applied what \($0.source) said since \($0.since)")
                }
            }),
        AuditRule(
            id: "L2-parked", title: "a failing event is decided within a minute", proposal: "A person looks whether the consumer runs, and at its log.",
            check: .traffic { snapshot, now in
                snapshot.parked.filter { now.milliseconds - $0.since.milliseconds > patienceMilliseconds }.map {
                    (.order($0.key), "\($0.consumer) has had \($0.type) parked since \($0.since): \($0.error)")
                }
            }),
        AuditRule(
            id: "L2-jobs-done", title: "a job that is due is begun within a minute", proposal: "A person looks whether the service runs, and at its log.",
            check: .traffic { snapshot, now in
                snapshot.jobs.filter { now.milliseconds - $0.due.milliseconds > patienceMilliseconds }.map {
                    (.order($0.key), "\($0.service)'s \($0.kind) has been due since \($0.due)")
                }
            }),
        AuditRule(
            id: "L1-timers-fire", title: "a timer fires within a minute", proposal: "A person looks whether the service runs, and at its log.",
            check: .traffic { snapshot, now in
                snapshot.late.filter { now.milliseconds - $0.due.milliseconds > patienceMilliseconds }.map {
                    (.order($0.key), "\($0.service)'s timer \($0.kind) has been due since \($0.due)")
                }
            }),
    ]
}

extension OrderTestimony {
    /// Since when it has had its status.
    var since: Timestamp { history.last?.at ?? createdAt }

    /// When it must be settled; nil for one that is.
    var limit: Timestamp? {
        switch status {
        case .created, .reserved: deadline
        case .cancelling: since.advanced(byMilliseconds: OpenOrders.cancellingLimitMilliseconds)
        case .paid, .shipped, .delivered, .cancelled, .failed, nil: nil
        }
    }
}
