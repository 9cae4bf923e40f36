import Messaging
import Synchronization
import Testing
import Wire

/// The database that the members of a group have in common: claims on partitions, and what was applied, once and in order.
final class Effects: Sendable {
    private struct Ownership: Hashable {
        let member: String
        let partition: String
    }
    private struct State {
        /// Who claimed a partition last: the number of the claim.
        var claims: [String: Int] = [:]
        /// What each member believes to own: the session, and the number of its claim.
        var beliefs: [Ownership: (session: Int64, claim: Int)] = [:]
        var count = 0
        /// The next number to apply, per topic and key.
        var next: [String: Int] = [:]
        var applied = 0
        var busy: Set<String> = []
        var hasGap = false
    }
    private let state = Mutex(State())

    /// How many messages were applied, each counted once.
    var applied: Int { state.withLock { $0.applied } }
    /// How many claims were made.
    var claims: Int { state.withLock { $0.count } }

    /// Who applied something since ``forgetWho()``.
    var busy: Set<String> { state.withLock { $0.busy } }
    func forgetWho() { state.withLock { $0.busy = [] } }

    /// Applies what is new in one transaction.
    /// - Returns: whether this member still owns all the partitions that it read.
    func apply(_ deliveries: [BrokerDelivery], member: String) -> Bool {
        state.withLock { state in
            var isOwner = true
            for delivery in deliveries {
                if Effects.claim(delivery, member, &state) { Effects.apply(delivery, member, &state) } else { isOwner = false }
            }
            return isOwner
        }
    }

    private static func claim(_ delivery: BrokerDelivery, _ member: String, _ state: inout State) -> Bool {
        let ownership = Ownership(member: member, partition: delivery.partition)
        if state.beliefs[ownership]?.session != delivery.session {
            state.count += 1
            state.claims[delivery.partition] = state.count
            state.beliefs[ownership] = (delivery.session, state.count)
        }
        return state.beliefs[ownership]?.claim == state.claims[delivery.partition]
    }

    private static func apply(_ delivery: BrokerDelivery, _ member: String, _ state: inout State) {
        guard let number = delivery.message.number else { return }
        let place = "\(delivery.message.topic) \(delivery.message.key)"
        let next = state.next[place] ?? 0
        if number < next { return }
        if number > next, !state.hasGap {
            state.hasGap = true
            Issue.record("\(member) got \(number) of \(place) before \(next)")
        }
        state.next[place] = number + 1
        state.applied += 1
        state.busy.insert(member)
    }
}
