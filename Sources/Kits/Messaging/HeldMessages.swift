import Wire

/// What a relay keeps back because the broker does not take it: what an order has for a topic, from the message that was refused on, or all that goes to a topic. For a while only: the
/// broker's bounds or its topics may have been mended, and whoever is tried again and refused again is held again. A value that its relay keeps under a lock.
struct HeldMessages: Sendable {
    /// Where messages are in order.
    private struct Lane: Hashable {
        let key: Identifier
        /// Nil where it is not known, which may be anywhere.
        let topic: String?
    }
    private struct Hold {
        /// When the refusal came.
        let since: Timestamp
        /// When the event was decided that is refused.
        let time: Timestamp
    }

    /// For how long an order is kept back.
    static let orderMilliseconds: Int64 = 60_000
    /// For how long a topic is: all its orders wait, and it is more often a matter of the broker than of its messages.
    static let topicMilliseconds: Int64 = 10_000

    private var lanes: [Lane: Hold] = [:]
    private var topics: [String: Hold] = [:]

    var isEmpty: Bool { lanes.isEmpty && topics.isEmpty }
    /// The orders (or products) that a refused message holds up.
    var keys: Set<Identifier> { Set(lanes.keys.map(\.key)) }
    /// When the oldest event was decided that is refused; nil for none.
    var oldest: Timestamp? { (lanes.values.map(\.time) + topics.values.map(\.time)).min() }

    /// Whether a row has to wait.
    /// - Parameter topic: where it is published; nil where that is not known.
    func holds(_ key: Identifier, _ topic: String?) -> Bool {
        if let topic, topics[topic] != nil { return true }
        if lanes.isEmpty { return false }
        return lanes[Lane(key: key, topic: topic)] != nil || lanes[Lane(key: key, topic: nil)] != nil
    }

    mutating func hold(_ key: Identifier, _ topic: String?, decided time: Timestamp, at now: Timestamp) {
        lanes[Lane(key: key, topic: topic)] = Hold(since: now, time: time)
    }
    mutating func hold(topic: String, decided time: Timestamp, at now: Timestamp) { topics[topic] = Hold(since: now, time: time) }

    /// Lets go what has waited for long enough; also what is held since a time to come, for then the clock was set back.
    mutating func release(at now: Timestamp) {
        if isEmpty { return }
        func goesOn(_ hold: Hold, _ limit: Int64) -> Bool { (0..<limit).contains(now.milliseconds - hold.since.milliseconds) }
        lanes = lanes.filter { goesOn($0.value, HeldMessages.orderMilliseconds) }
        topics = topics.filter { goesOn($0.value, HeldMessages.topicMilliseconds) }
    }
}
