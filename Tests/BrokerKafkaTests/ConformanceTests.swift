import BrokerConformance
import Messaging
import Testing

@testable import BrokerKafka

@Suite("Kafka as a broker", .enabled(if: TestCluster.isWanted, TestCluster.hint), .timeLimit(.minutes(5)))
struct ConformanceTests {
    @Test("keeps what the broker port promises", arguments: BrokerConformance.allCases)
    func conforms(_ promise: BrokerConformance) async throws {
        let log = TestLog()
        try await promise.check { isInterrupted in
            guard isInterrupted else { return subject(try TestCluster.configuration(), log) }
            // The broker goes away for everybody, so it is this test's own.
            let cluster = try MockCluster(brokers: 3)
            var configuration = TestCluster.configuration(cluster)
            configuration.publishTimeout = .seconds(2)
            var subject = subject(configuration, log)
            subject.interrupt = { try cluster.command("down") }
            subject.restore = { try cluster.command("up") }
            subject.finish = { _ in cluster.end() }
            return subject
        }
    }

    private func subject(_ configuration: KafkaConfiguration, _ log: TestLog) -> BrokerSubject {
        var subject = BrokerSubject { TestCluster.broker(configuration, log: log) }
        subject.crash = { await ($0 as? KafkaBroker)?.abandon() }
        subject.tooLarge = configuration.maximumMessageBytes + 1
        // The mock does, and a real cluster where it is told so.
        subject.makesTopics = true
        subject.held = { ($0 as? KafkaSubscription)?.held ?? 0 }
        subject.heldAtMost = configuration.maximumHeldMessages
        subject.finish = { await TestCluster.remove($0) }
        return subject
    }
}
