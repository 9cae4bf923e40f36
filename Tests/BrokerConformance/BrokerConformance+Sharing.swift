import Messaging
import Synchronization
import Testing
import Wire

extension BrokerConformance {
    /// A member takes everything, acknowledges a part and ends; another one gets the rest and what follows.
    func redelivery(_ scene: Scene, end: (any BrokerSubscription, any EventBroker) async -> Void) async throws {
        let (publisher, broker) = (try await scene.broker(), try await scene.broker())
        let first = try await scene.join(broker, "a")
        let (early, late) = (scene.messages(800, keys: 20), scene.messages(400, keys: 20, first: 40))
        try await publisher.publish(early)
        let arrivals = Arrivals()
        arrivals.expect(early)
        let acknowledged = Mutex<Set<String>>([])
        try await first.take(limit: 100, within: scene.subject.patience) { deliveries in
            arrivals.note(deliveries, member: "a")
            if acknowledged.withLock({ $0.isEmpty }) {
                await first.acknowledge(deliveries)
                acknowledged.withLock { $0 = Set(deliveries.map(\.message.label)) }
            }
            return arrivals.isComplete
        }
        await end(first, broker)

        try await publisher.publish(late)
        let second = try await scene.join(try await scene.broker(), "b")
        // Everything but the acknowledged batch must come again: a second look with an empty memory.
        let again = Arrivals()
        let rest = (early + late).filter { message in !acknowledged.withLock { $0.contains(message.label) } }
        arrivals.expect(late)
        again.expect(rest)
        try await second.take(within: scene.subject.patience) { deliveries in
            arrivals.note(deliveries, member: "b")
            again.note(deliveries, member: "b")
            await second.acknowledge(deliveries)
            return again.isComplete
        }
        #expect(arrivals.isComplete && again.isComplete, "\(again.missing) messages did not come to the second member")
        await second.close()
    }

    func rejoining(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(400, keys: 20)
        try await broker.publish(messages)
        let member = try await scene.join(broker, "a")
        let first = Arrivals()
        first.expect(messages)
        try await member.take(within: scene.subject.patience) { deliveries in
            first.note(deliveries, member: "a")
            return first.isComplete
        }
        await member.rejoin()
        let second = Arrivals()
        try await member.take(all: messages, second, member: "a", within: scene.subject.patience)
        #expect(first.sessions.isDisjoint(with: second.sessions), "a partition came again in an old session")
        await member.close()
    }

    func acknowledged(_ scene: Scene) async throws {
        let broker = try await scene.broker()
        let messages = scene.messages(500, keys: 20)
        try await broker.publish(messages)
        let first = try await scene.join(broker, "a")
        try await first.take(all: messages, Arrivals(), member: "a", within: scene.subject.patience)
        await first.close()

        // One more of each key: whatever came again would come before it.
        let markers = scene.messages(20, keys: 20, first: 25)
        try await broker.publish(markers)
        let arrivals = Arrivals()
        let second = try await scene.join(broker, "b")
        try await second.take(all: markers, arrivals, member: "b", within: scene.subject.patience)
        #expect(arrivals.count == markers.count, "\(arrivals.count - markers.count) acknowledged messages came again")
        await second.close()
    }

    func twoMembers(_ scene: Scene) async throws {
        let team = try await Team(scene)
        try await team.join("a")
        try await team.publishUntilAllWork(["a"])
        try await team.join("b")
        try await team.publishUntilAllWork(["a", "b"])
        try await team.leave("a")
        try await team.finish()
    }

    func threeMembers(_ scene: Scene) async throws {
        let team = try await Team(scene)
        for member in ["a", "b", "c"] { try await team.join(member) }
        try await team.publishUntilAllWork(["a", "b", "c"])
        try await team.crash("b")
        try await team.publishUntilAllWork(["a", "c"])
        try await team.finish()
    }
}
