import Messaging
import Testing

@testable import BrokerRabbitMQ

@Suite("The members of a group")
struct MembershipTests {
    private let start = ContinuousClock.now

    private func view(_ me: String, _ others: [String]) -> Membership {
        var membership = Membership(me: me, patience: .seconds(10), now: start)
        for other in others { _ = membership.note(other, now: start) }
        return membership
    }

    @Test("agree on who reads what, and nobody has two partitions more than another", arguments: 1...9)
    func sharing(_ count: Int) {
        let names = (0..<count).map { "orders-\($0)" }
        for partitions in [1, 2, 4, 7, 12, 32] {
            let owners = view(names[0], Array(names.dropFirst())).owners(of: partitions)
            for name in names { #expect(view(name, names.filter { $0 != name }.reversed()).owners(of: partitions) == owners) }
            let shares = names.map { name in owners.filter { $0 == name }.count }
            #expect(shares.reduce(0, +) == partitions)
            #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1, "\(shares) of \(partitions)")
        }
    }

    @Test("keep most of what they have when one comes")
    func fewChanges() {
        let (before, after) = (view("a", ["b", "c"]).owners(of: 32), view("a", ["b", "c", "d"]).owners(of: 32))
        let moved = zip(before, after).filter { $0 != $1 }.count
        #expect(moved <= 20, "\(moved) of 32 partitions change their reader")
    }

    @Test("come, leave and fall silent, and each of these is a change")
    func changes() {
        var membership = view("a", [])
        #expect(membership.members == ["a"])
        #expect(membership.note("b", now: start) == true)
        #expect(membership.note("b", now: start + .seconds(8)) == false)
        #expect(membership.note("a", now: start) == false, "a member is no news to itself")
        #expect(membership.version == 1)
        membership.expire(now: start + .seconds(17))
        #expect(membership.members == ["a", "b"])
        membership.expire(now: start + .seconds(19))
        #expect(membership.members == ["a"])
        #expect(membership.version == 2)
        _ = membership.note("c", now: start + .seconds(20))
        membership.remove("c", now: start + .seconds(21))
        membership.remove("c", now: start + .seconds(22))
        #expect(membership.version == 4)
        #expect(!membership.isSettled(for: .seconds(1), now: start + .seconds(21)))
        #expect(membership.isSettled(for: .seconds(1), now: start + .seconds(22)))
    }

    @Test("understand each other's words, and nobody else's")
    func words() {
        guard case .here("billing\n1") = Presence.read(Presence.here("billing\n1")), case .leaving("b") = Presence.read(Presence.leaving("b")) else {
            Issue.record("a word was not understood")
            return
        }
        for text in ["", "here", "here\n", "gone\nb"] { #expect(Presence.read(text) == nil) }
    }

    @Test("stand in line in different orders, each in all lines, and have channels of their own there")
    func order() throws {
        let layout = QueueLayout(try RabbitMQConfiguration(url: "amqp://host"))
        let topology = BrokerTopology(topics: ["orders", "stock"], groups: [.init(name: "billing", topics: ["orders", "stock"])], partitions: 4)
        let plans = (0..<8).map { MemberPlan(group: "billing", topics: ["orders", "stock"], member: "m\($0)", topology: topology, layout: layout) }
        for plan in plans {
            #expect(Set(plan.order) == Set(0..<8))
            #expect(plan.queues.indices.map { plan.index(plan.channel($0)) } == plan.queues.indices.map { $0 })
            #expect(plan.index(GroupMember.presenceChannel) == nil)
            #expect(plan.index(0) == nil)
            #expect(plan.index(.max) == nil)
        }
        #expect(Set(plans.map { $0.order[0] }).count > 1)
    }
}
