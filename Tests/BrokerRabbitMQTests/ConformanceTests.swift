import BrokerConformance
import BrokerRabbitMQ
import Messaging
import Storage
import Testing

@Suite("RabbitMQ as a broker", .serialized, .enabled(if: TestServer.isWanted, TestServer.hint), .timeLimit(.minutes(8)))
struct ConformanceTests {
    @Test("keeps what the port promises", arguments: BrokerConformance.allCases)
    func conforms(_ promise: BrokerConformance) async throws { try await check(promise, eventsPerMessage: 1) }

    /// The lag is told in messages.
    @Test("keeps it with several events in a message as well", arguments: BrokerConformance.allCases.filter { $0 != .lag })
    func conformsInBundles(_ promise: BrokerConformance) async throws { try await check(promise, eventsPerMessage: 7) }

    private func check(_ promise: BrokerConformance, eventsPerMessage: Int) async throws {
        try await promise.check { _ in
            var configuration = try TestServer.configuration()
            configuration.eventsPerMessage = eventsPerMessage
            configuration.maximumMessageBytes = 2 << 20
            // Every connection goes by a network that can be cut; a check has it for itself.
            let proxy = try CutProxy(to: configuration.endpoints[0].port)
            let direct = configuration
            configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
            let through = configuration
            var subject = BrokerSubject { try RabbitMQBroker(through) }
            subject.crash = { broker in await (broker as? RabbitMQBroker)?.crash() }
            subject.tooLarge = (2 << 20) + 1
            subject.held = { subscription in (subscription as? RabbitMQSubscription)?.waitingMessages ?? 0 }
            subject.heldAtMost = configuration.prefetch * subject.partitions * 2
            subject.interrupt = { proxy.cut() }
            subject.restore = { try proxy.restore() }
            subject.finish = { topology in
                await TestServer.remove(topology, direct)
                proxy.cut()
            }
            return subject
        }
    }
}
