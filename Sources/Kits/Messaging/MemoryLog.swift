import Storage
import Synchronization
import Wire

/// What the memory brokers of one test have in common, as the brokers of several processes share one cluster: topics, groups, and who reads what.
///
/// It keeps everything that was ever published: for tests, not for production.
public final class MemoryLog: Sendable {
    private struct State {
        var topics: [String: [[BrokerMessage]]] = [:]
        var groups: [String: MemoryGroup] = [:]
        var members: [Int: TaskSignal] = [:]
        var lastMember = 0
        var isDown = false

        func available() throws { if isDown { throw BrokerError.unavailable("the log is down") } }
    }

    /// What a member is to do next.
    enum Step {
        case take([BrokerDelivery])
        case wait
        case fail(BrokerError)
        case end
    }

    private let state = Mutex(State())
    private let maximumBytes: Int

    /// An empty log.
    /// - Parameter maximumBytes: the largest body that it accepts.
    public init(maximumBytes: Int = 4 << 20) { self.maximumBytes = maximumBytes }

    /// Takes the log away from all brokers, or gives it back. Whoever reads while that happens loses its sessions, and gets again what it had not acknowledged.
    public func setDown(_ isDown: Bool) {
        change { state in
            state.isDown = isDown
            for name in state.groups.keys { state.groups[name]?.restart() }
        }
    }

    /// Changes the state, and wakes the members: there may be something to do for them now.
    private func change(_ body: (inout State) throws -> Void) rethrows {
        let members = try state.withLock { state in
            try body(&state)
            return Array(state.members.values)
        }
        for member in members { member.give() }
    }

    func open(_ topology: BrokerTopology) throws {
        try change { state in
            try state.available()
            for topic in topology.topics where state.topics[topic] == nil {
                state.topics[topic] = Array(repeating: [], count: max(1, topology.partitions))
            }
            for group in topology.groups { state.groups[group.name, default: MemoryGroup()].listen(to: group.topics, in: state.topics) }
        }
    }

    func publish(_ messages: [BrokerMessage]) throws {
        try change { state in
            try state.available()
            for (index, message) in messages.enumerated() {
                guard let partitions = state.topics[message.topic]?.count else { throw BrokerError.misconfigured("there is no topic \(message.topic)") }
                if message.body.count > maximumBytes { throw BrokerError.rejected(index: index, reason: "\(message.body.count) bytes are too many") }
                state.topics[message.topic]?[MemoryLog.partition(of: message.key, among: partitions)].append(message)
            }
        }
    }

    /// The same partition for a key always.
    private static func partition(of key: Identifier, among count: Int) -> Int {
        let mixed = (key.high ^ (key.low &* 0x9E37_79B9_7F4A_7C15)) &* 0xBF58_476D_1CE4_E5B9
        return Int((mixed >> 32) % UInt64(count))
    }

    /// - Parameter signal: given whenever the member may have something to do.
    /// - Returns: the member's number.
    func join(_ group: String, topics: [String], signal: TaskSignal) throws -> Int {
        var number = 0
        try change { state in
            try state.available()
            for topic in topics where state.topics[topic] == nil { throw BrokerError.misconfigured("there is no topic \(topic)") }
            state.lastMember += 1
            number = state.lastMember
            state.members[number] = signal
            state.groups[group, default: MemoryGroup()].listen(to: topics, in: state.topics)
            state.groups[group]?.join(number)
        }
        return number
    }

    func leave(_ group: String, _ member: Int) {
        change { $0.groups[group]?.leave(member) }
        state.withLock { state in state.members[member] = nil }
    }

    func rejoin(_ group: String, _ member: Int) { change { $0.groups[group]?.rejoin(member) } }

    /// What does not reach the log comes again: after an outage everybody begins anew.
    func acknowledge(_ deliveries: [BrokerDelivery], _ group: String, _ member: Int) {
        state.withLock { state in
            if !state.isDown { state.groups[group]?.acknowledge(deliveries, by: member) }
        }
    }

    /// A member's next step.
    /// - Parameter knowsOutage: whether it has been told of the outage; told once, it waits.
    func step(_ group: String, _ member: Int, limit: Int, knowsOutage: Bool) -> Step {
        state.withLock { state in
            guard state.groups[group]?.has(member) == true else { return .end }
            if state.isDown { return knowsOutage ? .wait : .fail(.unavailable("the log is down")) }
            let deliveries = state.groups[group]?.take(member, limit: limit, from: state.topics) ?? []
            return deliveries.isEmpty ? .wait : .take(deliveries)
        }
    }

    func lag(of group: String) throws -> Int? {
        try state.withLock { state in
            try state.available()
            return state.groups[group]?.lag(in: state.topics)
        }
    }

    func examine() -> EngineFinding {
        state.withLock { state in
            state.isDown
                ? EngineFinding(.fail, "memory broker", "the log is down", advice: "wait until the test gives it back")
                : EngineFinding(.ok, "memory broker", "\(state.topics.count) topics, \(state.groups.count) groups")
        }
    }
}
