import Messaging
import Synchronization
import Testing
import Wire

/// Everything that arrived at the members of one group, noted before it is acknowledged, with the rules that hold for all of it.
final class Arrivals: Sendable {
    private struct Place: Hashable {
        let topic: String
        let key: Identifier
    }
    private struct Session: Hashable {
        let partition: String
        let number: Int64
        let member: String
    }
    private struct State {
        var expected: [Place: Set<Int>] = [:]
        var missing = 0
        /// What arrived, per key: the numbers, and the highest of them.
        var seen: [Place: Set<Int>] = [:]
        var highest: [Place: Int] = [:]
        var partitions: [Place: String] = [:]
        var positions: [Session: Int64] = [:]
        var count = 0
        var isPublishedOnce = true
        /// Only the first breach of each rule is reported: the thousands that follow from it would tell no more.
        var breaches: Set<String> = []
    }
    private let state = Mutex(State())

    /// Whether all that is expected has arrived.
    var isComplete: Bool { state.withLock { $0.missing == 0 } }
    /// How much of what is expected has not.
    var missing: Int { state.withLock { $0.missing } }
    /// How many deliveries there were, repeated ones included.
    var count: Int { state.withLock { $0.count } }
    /// The sessions in which something came, by partition.
    var sessions: Set<String> { state.withLock { Set($0.positions.keys.map { "\($0.partition) \($0.number)" }) } }
    /// The partitions of which something came to a member.
    func partitions(of member: String) -> Set<String> { state.withLock { Set($0.positions.keys.filter { $0.member == member }.map(\.partition)) } }

    /// Notes that something was published again, so that what comes twice need not be a repetition of the broker's.
    func expectTwice() { state.withLock { $0.isPublishedOnce = false } }

    /// Adds what is to arrive.
    func expect(_ messages: [BrokerMessage]) {
        state.withLock { state in
            for message in messages {
                guard let number = message.number else { continue }
                let place = Place(topic: message.topic, key: message.key)
                guard state.expected[place, default: []].insert(number).inserted else { continue }
                if !state.seen[place, default: []].contains(number) { state.missing += 1 }
            }
        }
    }

    /// Notes what came to a member, and holds it against the rules.
    func note(_ deliveries: [BrokerDelivery], member: String) {
        let breaches = state.withLock { state in deliveries.flatMap { Arrivals.note($0, member, &state) } }
        for breach in breaches { Issue.record(Comment(rawValue: breach)) }
    }

    private static func note(_ delivery: BrokerDelivery, _ member: String, _ state: inout State) -> [String] {
        var breaches: [String] = []
        func breach(_ rule: String, _ words: String) { if state.breaches.insert(rule).inserted { breaches.append("\(rule): \(words)") } }
        let (message, partition) = (delivery.message, delivery.partition)
        let place = Place(topic: message.topic, key: message.key)
        state.count += 1
        guard let number = message.number else { return ["a body is not what was sent: \(message.body.count) bytes"] }

        if !partition.hasPrefix(message.topic + "/") { breach("a partition's name begins with its topic", partition) }
        if let other = state.partitions.updateValue(partition, forKey: place), other != partition {
            breach("a key stays in its partition", "\(place.key) was in \(other) and is in \(partition)")
        }
        let session = Session(partition: partition, number: delivery.session, member: member)
        if let last = state.positions.updateValue(delivery.position, forKey: session), last >= delivery.position {
            breach("positions rise in a session", "\(delivery.position) after \(last) in \(partition), session \(delivery.session)")
        }
        if state.seen[place, default: []].insert(number).inserted {
            if let highest = state.highest[place], highest > number { breach("keys are in order", "\(number) after \(highest) in \(partition)") }
            state.highest[place] = max(number, state.highest[place] ?? number)
            if state.expected[place]?.contains(number) == true { state.missing -= 1 }
        } else if !delivery.mayBeRepeated, state.isPublishedOnce {
            breach("a repeated message may be repeated", "\(number) in \(partition)")
        }
        return breaches
    }
}
