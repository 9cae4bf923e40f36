import Messaging
import Synchronization
import Testing
import Wire

/// Members of one group at work, each with a connection of its own, and a publisher that goes on while they come and go.
///
/// They work as consumers with a common database do: whoever finds itself in a new session of a partition claims the partition there, and applies messages only
/// while nobody has claimed it after it; if somebody has, it joins anew. So nothing is applied twice and nothing out of order, whatever the broker does.
final class Team: Sendable {
    private struct Worker: Sendable {
        let broker: any EventBroker
        let subscription: any BrokerSubscription
        let work: Task<Void, any Error>
    }
    private let scene: Scene
    private let publisher: any EventBroker
    private let workers = Mutex<[String: Worker]>([:])
    private let rounds = Mutex(0)
    private let arrivals = Arrivals()
    private let effects = Effects()
    /// Messages of a round, each of a key of its own.
    private static let keys = 200

    private var published: Int { rounds.withLock { $0 } * Team.keys }

    init(_ scene: Scene) async throws {
        self.scene = scene
        publisher = try await scene.broker()
    }

    /// Lets a member begin to work.
    func join(_ member: String) async throws {
        let broker = try await scene.broker()
        let subscription = try await scene.join(broker, member)
        let (arrivals, effects) = (self.arrivals, self.effects)
        let work = Task {
            while true {
                do {
                    guard let deliveries = try await subscription.next(limit: 300) else { return }
                    arrivals.note(deliveries, member: member)
                    if effects.apply(deliveries, member: member) { await subscription.acknowledge(deliveries) } else { await subscription.rejoin() }
                } catch BrokerError.unavailable { continue }
            }
        }
        workers.withLock { $0[member] = Worker(broker: broker, subscription: subscription, work: work) }
    }

    /// Lets a member leave properly.
    func leave(_ member: String) async throws {
        guard let worker = workers.withLock({ $0.removeValue(forKey: member) }) else { return }
        await worker.subscription.close()
        try await worker.work.value
    }

    /// Ends a member as the end of its process would.
    func crash(_ member: String) async throws {
        guard let worker = workers.withLock({ $0.removeValue(forKey: member) }) else { return }
        await scene.subject.crash(worker.broker)
        try await worker.work.value
    }

    /// Publishes one more message of each key.
    private func publish() async throws {
        let first = rounds.withLock { rounds in
            defer { rounds += 1 }
            return rounds
        }
        let messages = scene.messages(Team.keys, keys: Team.keys, first: first)
        arrivals.expect(messages)
        try await publisher.publish(messages)
    }

    /// Publishes until each of these members has applied something of it.
    func publishUntilAllWork(_ members: Set<String>) async throws {
        effects.forgetWho()
        let deadline = ContinuousClock.now + scene.subject.patience
        while !effects.busy.isSuperset(of: members) {
            guard ContinuousClock.now < deadline else {
                Issue.record("of \(members.sorted()) only \(effects.busy.sorted()) work after \(scene.subject.patience)")
                return
            }
            try await publish()
            // A pace that leaves the members time to get their partitions before there are too many messages.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Publishes a little more, waits until everything is applied, and lets everybody leave.
    func finish() async throws {
        for _ in 0..<5 { try await publish() }
        let (effects, published) = (self.effects, self.published)
        try await eventually("\(published) messages are applied", within: scene.subject.patience) { effects.applied == published }
        if effects.applied != published { Issue.record("\(effects.applied) of \(published) messages were applied") }
        #expect(arrivals.isComplete)
        // Every change of the members gives each partition away once at most; a broker that gives them to and fro without end would be caught here.
        let partitions = scene.subject.partitions * scene.topology.topics.count
        #expect(effects.claims <= partitions * 8, "\(effects.claims) claims on \(partitions) partitions")
        for member in workers.withLock({ $0.keys.sorted() }) { try await leave(member) }
    }
}
