/// The members of a group as one of them sees them, and which partitions each of them should read. A pure value on its caller's clock.
///
/// It decides about balance only: that one member at a time reads a partition is RabbitMQ's doing, whatever the members think of each other.
struct Membership {
    let me: String
    private let patience: Duration
    private var heard: [String: ContinuousClock.Instant] = [:]
    /// Counts the changes of who is there.
    private(set) var version = 0
    private var changed: ContinuousClock.Instant

    /// - Parameter patience: how long a member counts that is not heard of.
    init(me: String, patience: Duration, now: ContinuousClock.Instant) { (self.me, self.patience, changed) = (me, patience, now) }

    /// Everybody, sorted.
    var members: [String] { (heard.keys + [me]).sorted() }

    /// Notes that a member is there.
    /// - Returns: whether it is a new one.
    mutating func note(_ member: String, now: ContinuousClock.Instant) -> Bool {
        guard member != me else { return false }
        guard heard.updateValue(now, forKey: member) == nil else { return false }
        change(now)
        return true
    }

    /// Notes that a member has left.
    mutating func remove(_ member: String, now: ContinuousClock.Instant) { if heard.removeValue(forKey: member) != nil { change(now) } }

    /// Forgets those that were not heard of for too long.
    mutating func expire(now: ContinuousClock.Instant) {
        let silent = heard.filter { now - $0.value > patience }.keys
        for member in silent { heard[member] = nil }
        if !silent.isEmpty { change(now) }
    }

    /// Whether nobody has come or gone for a while, so that the others have the same view.
    func isSettled(for duration: Duration, now: ContinuousClock.Instant) -> Bool { now - changed >= duration }

    private mutating func change(_ now: ContinuousClock.Instant) {
        version += 1
        changed = now
    }

    /// Who should read each of so many partitions: evenly, the same for everybody with the same view, and with few changes when one comes or goes. The same
    /// partition of all topics has the same reader.
    func owners(of partitions: Int) -> [String] {
        let members = members
        var load = [Int](repeating: 0, count: members.count)
        let (fair, rest) = partitions.quotientAndRemainder(dividingBy: members.count)
        // So many members may have one more than the others.
        var larger = rest
        return (0..<partitions).map { partition in
            let ranking = members.indices.sorted { Membership.score(members[$0], partition) > Membership.score(members[$1], partition) }
            guard let owner = ranking.first(where: { load[$0] < fair || (load[$0] == fair && larger > 0) }) else { return me }
            if load[owner] == fair { larger -= 1 }
            load[owner] += 1
            return members[owner]
        }
    }

    /// How much a member is preferred for a partition: FNV-1a, mixed well.
    static func score(_ member: String, _ partition: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in member.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ UInt64(partition)) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        return hash ^ (hash >> 32)
    }
}
