import BrokerConformance
import Messaging
import Testing

@Suite("The memory broker", .timeLimit(.minutes(2)))
struct BrokerConformanceTests {
    @Test("keeps what the broker port promises", arguments: BrokerConformance.allCases)
    func conforms(_ promise: BrokerConformance) async throws {
        try await promise.check { _ in
            let log = MemoryLog(maximumBytes: 2 << 20)
            var subject = BrokerSubject { MemoryBroker(log) }
            subject.tooLarge = 3 << 20
            subject.interrupt = { log.setDown(true) }
            subject.restore = { log.setDown(false) }
            return subject
        }
    }

    /// A suite that lets these pass would prove nothing.
    @Test("is told from brokers that do one thing wrong", arguments: BrokerFault.allCases)
    func faults(_ fault: BrokerFault) async throws {
        await withKnownIssue {
            try await fault.promise.check { _ in
                let log = MemoryLog(maximumBytes: 2 << 20)
                var subject = BrokerSubject { FaultyBroker(log, fault) }
                subject.patience = .seconds(2)
                subject.tooLarge = 3 << 20
                subject.interrupt = { log.setDown(true) }
                subject.restore = { log.setDown(false) }
                return subject
            }
        }
    }
}
