import Messaging

/// What members say to each other.
enum Presence {
    enum Word {
        case here(String)
        case leaving(String)
    }

    static func here(_ member: String) -> String { "here\n\(member)" }
    static func leaving(_ member: String) -> String { "leaving\n\(member)" }

    static func read(_ text: String) -> Word? {
        let parts = text.split(separator: "\n", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "here": return .here(parts[1])
        case "leaving": return .leaving(parts[1])
        default: return nil
        }
    }
}

/// Sharing the partitions evenly.
///
/// Whoever stands first in line has a partition for as long as it likes, so the first member would have all of them. Members therefore tell each other that they are
/// there (by a connection that publishes anyway: one that consumes must never be held back when the broker is short of memory), agree on who should read what, and
/// each gives up what it was given and another one should have, by going to the end of the line. Nothing but balance depends on it.
extension GroupMember {
    /// Makes the queue by which this member hears of the others. If it cannot be had, the member reads whatever it gets.
    func listenForMembers(_ connection: AMQPConnection) throws {
        let exchange = layout.presence(plan.group)
        func listen() throws {
            try connection.openChannel(GroupMember.presenceChannel)
            let queue = plan.presenceQueue(layout)
            try connection.declareExchange(GroupMember.presenceChannel, exchange, type: "fanout", isDurable: false, deletesItself: true)
            try connection.declareQueue(GroupMember.presenceChannel, queue, .exclusive)
            try connection.bindQueue(GroupMember.presenceChannel, queue, to: exchange, key: "")
            try connection.consume(GroupMember.presenceChannel, queue, tag: plan.consumerTag, needsAcknowledgement: false)
        }
        do {
            // The last member that leaves takes the exchange with it, perhaps between two of these steps.
            do { try listen() } catch let fault as AMQPFault where fault.isNotFound { try listen() }
            isListening = true
        } catch let fault as AMQPFault where fault.isOfChannel {
            logger.warning("members of the group cannot be heard, so partitions are shared by chance", metadata: ["error": "\(fault.brokerError)"])
        }
    }

    /// Hears what another member has said.
    func hear(_ message: ArrivedMessage) {
        let now = ContinuousClock.now
        switch Presence.read(String(decoding: message.body, as: UTF8.self)) {
        case .here(let member):
            // A new one should not have to wait for the next round to hear of us.
            if membership.note(member, now: now) { announce(Presence.here(plan.member)) }
        case .leaving(let member): membership.remove(member, now: now)
        case nil: break
        }
    }

    /// What is to be done from time to time.
    func tick(_ now: ContinuousClock.Instant) throws {
        try finishLeaving(now)
        try retry(now)
        guard now >= nextTick else { return }
        nextTick = now + session.configuration.presenceInterval
        announce(Presence.here(plan.member))
        membership.expire(now: now)
        guard membership.isSettled(for: session.configuration.presenceInterval / 2, now: now) else { return }
        let owners = membership.owners(of: plan.partitions)
        for (index, queue) in plan.queues.enumerated() {
            // Whether it is first in line a member can tell by its deliveries alone.
            guard owners[queue.partition] != plan.member, let place = places[index], place.ledger.delivered > 0 else { continue }
            if mayGiveUp(index, now) { beginToLeave(index, now) }
        }
        try finishLeaving(now)
    }

    /// Once for each change of the members; again after so long that a member whose end was not noticed no longer counts. So members that see each other differently
    /// do not pass a partition to and fro.
    private func mayGiveUp(_ index: Int, _ now: ContinuousClock.Instant) -> Bool {
        guard let last = givenUp[index], last.version == membership.version else { return true }
        return now - last.time >= session.configuration.presenceInterval * 6
    }

    /// When there is something to do again although nothing arrives.
    func deadline(after now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let leaving = places.compactMap { $0?.leaving?.deadline }.min() ?? nextTick
        return min(nextTick, leaving, retries.values.min() ?? nextTick)
    }
}

extension MemberPlan {
    /// AMQP's short strings have 255 bytes.
    private var shortMember: String { String(decoding: member.utf8.prefix(80), as: UTF8.self) }
    /// What the broker's list of consumers shows.
    var consumerTag: String { "waybill.\(shortMember)" }
    /// A name that no other member has, also not this one in another life that the broker has not noticed the end of.
    func presenceQueue(_ layout: QueueLayout) -> String {
        let name = "\(layout.presence(group)).\(shortMember)"
        return String(decoding: name.utf8.prefix(220), as: UTF8.self) + "." + String(UInt64.random(in: 0 ... .max), radix: 36)
    }
}
