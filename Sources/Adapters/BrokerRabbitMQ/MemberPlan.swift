import Messaging
import Synchronization

/// What a member of a group is to read.
struct MemberPlan: Sendable {
    let group: String
    let member: String
    let topology: BrokerTopology
    let queues: [QueueLayout.GroupQueue]
    /// The queues' names in the port's words.
    let labels: [String]
    var partitions: Int { topology.partitions }

    init(group: String, topics: [String], member: String, topology: BrokerTopology, layout: QueueLayout) {
        (self.group, self.member, self.topology) = (group, member, topology)
        queues = layout.queues(group, topics: topics, partitions: topology.partitions)
        labels = queues.map(\.label)
    }

    /// In which order this member stands in line: another one for each member, so that those who start together do not all come first everywhere.
    var order: [Int] {
        let first = queues.isEmpty ? 0 : Int(Membership.score(member, 0) % UInt64(queues.count))
        return queues.indices.map { (first + $0) % queues.count }
    }

    /// The channel of a queue, and the queue of a channel.
    func channel(_ index: Int) -> UInt16 { GroupMember.presenceChannel + 1 + UInt16(index) }
    func index(_ channel: UInt16) -> Int? {
        let index = Int(channel) - Int(GroupMember.presenceChannel) - 1
        return queues.indices.contains(index) ? index : nil
    }
}

/// Numbers for the times that a partition comes to this process; none is ever given out twice.
enum SessionNumbers {
    private static let last = Atomic<Int64>(0)
    static func next() -> Int64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
