/// A group of consumers of a ``MemoryLog``: who reads which partition, and how far everybody is. A value that its log keeps under a lock.
struct MemoryGroup {
    private struct Share {
        let topic: String
        let index: Int
        var owner: Int?
        var session: Int64 = 0
        /// The next message to deliver in this session.
        var position = 0
        /// Everything before this is acknowledged.
        var committed = 0
        /// Everything before this was delivered to somebody.
        var delivered = 0
    }

    /// Members in the order in which they joined.
    private var members: [Int] = []
    /// By the partition's name, `orders/3`.
    private var shares: [String: Share] = [:]
    private var sessions: Int64 = 0
    private var turn = 0

    mutating func listen(to topics: [String], in log: [String: [[BrokerMessage]]]) {
        for topic in topics {
            for index in (log[topic] ?? []).indices where shares["\(topic)/\(index)"] == nil { shares["\(topic)/\(index)"] = Share(topic: topic, index: index) }
        }
        rebalance()
    }

    func has(_ member: Int) -> Bool { members.contains(member) }

    mutating func join(_ member: Int) {
        members.append(member)
        rebalance()
    }

    mutating func leave(_ member: Int) {
        members.removeAll { $0 == member }
        rebalance()
    }

    /// Lets a member begin anew: whatever it had goes to the others first.
    mutating func rejoin(_ member: Int) {
        guard has(member) else { return }
        leave(member)
        join(member)
    }

    /// Takes all partitions from everybody and hands them out again.
    mutating func restart() {
        for name in shares.keys { shares[name]?.owner = nil }
        rebalance()
    }

    /// Gives every member its fair share, and lets it keep of it what it has: a partition that changes hands costs its consumers a repetition.
    private mutating func rebalance() {
        let names = shares.keys.sorted()
        for name in names { if let owner = shares[name]?.owner, !has(owner) { shares[name]?.owner = nil } }
        guard !members.isEmpty else { return }
        let (fair, rest) = names.count.quotientAndRemainder(dividingBy: members.count)
        var allowance = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1, fair + ($0 < rest ? 1 : 0)) })
        for name in names {
            guard let owner = shares[name]?.owner else { continue }
            if allowance[owner, default: 0] > 0 { allowance[owner, default: 0] -= 1 } else { shares[name]?.owner = nil }
        }
        var takers = members.flatMap { Array(repeating: $0, count: allowance[$0] ?? 0) }
        for name in names where shares[name]?.owner == nil {
            guard let taker = takers.popLast() else { return }
            assign(name, to: taker)
        }
    }

    private mutating func assign(_ name: String, to member: Int) {
        guard var share = shares[name] else { return }
        sessions += 1
        (share.owner, share.session, share.position) = (member, sessions, share.committed)
        shares[name] = share
    }

    /// The next messages of a member's partitions; another partition has the first place each time.
    mutating func take(_ member: Int, limit: Int, from log: [String: [[BrokerMessage]]]) -> [BrokerDelivery] {
        let own = shares.keys.filter { shares[$0]?.owner == member }.sorted()
        guard !own.isEmpty else { return [] }
        turn += 1
        var deliveries: [BrokerDelivery] = []
        for offset in own.indices {
            let name = own[(turn + offset) % own.count]
            guard var share = shares[name], let messages = log[share.topic]?[share.index] else { continue }
            let end = min(messages.count, share.position + limit - deliveries.count)
            for position in share.position..<max(end, share.position) {
                deliveries.append(
                    BrokerDelivery(
                        message: messages[position], partition: name, session: share.session, position: Int64(position),
                        mayBeRepeated: position < share.delivered))
            }
            share.position = max(end, share.position)
            share.delivered = max(share.delivered, share.position)
            shares[name] = share
        }
        return deliveries
    }

    /// Notes what is acknowledged; what belongs to a session that has ended is not.
    mutating func acknowledge(_ deliveries: [BrokerDelivery], by member: Int) {
        for delivery in deliveries {
            guard var share = shares[delivery.partition], share.owner == member, share.session == delivery.session else { continue }
            share.committed = max(share.committed, Int(delivery.position) + 1)
            shares[delivery.partition] = share
        }
    }

    func lag(in log: [String: [[BrokerMessage]]]) -> Int {
        shares.values.reduce(0) { $0 + (log[$1.topic]?[$1.index].count ?? 0) - $1.committed }
    }
}
