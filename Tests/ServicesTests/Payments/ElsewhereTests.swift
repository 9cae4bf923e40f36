import Contracts
import Logging
import Testing
import Web
import Wire

@testable import Messaging
@testable import Payments

/// Operations has the databases of all services, so that dead letters can be tried again where they lie; what that sets in motion is the service's own to do.
@Suite("A service that runs elsewhere", .timeLimit(.minutes(1)))
struct ElsewhereTests {
    private struct Nowhere: EventSink {
        func committed(_ events: [Envelope], from source: String) {}
    }

    /// Has a process apply what Payments would have heard.
    /// - Returns: the jobs that are due at once, and how many the process has taken for itself.
    private func apply(as role: ProcessRole) async throws -> (due: Int, taken: Int) {
        let bench = try await SagaBench()
        _ = try await bench.stock("A", 5)
        _ = try await bench.accepted("A", 1)
        for service in ["inventory", "orders"] { await bench.listen(service) }
        let context = ServiceContext(service: "payments", clock: bench.clock, seed: 5)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let service = PaymentsService(
            ServiceEnvironment(database: bench.payments.database, context: context, outbox: Outbox(sink: Nowhere()), logger: logger, role: role),
            provider: bench.provider)
        let handler = try #require(service.handler)
        let events = try await bench.allEvents().filter { handler.subscriptions?.contains($0.type) ?? true }
        try await bench.payments.database.write { try handler.react(to: events, in: $0, context: context) }
        return (try await bench.dueJobs().count, service.jobRunner.backlog)
    }

    @Test("a job that a redelivery orders is at once anybody's who runs the service's tasks")
    func redelivered() async throws {
        let elsewhere = try await apply(as: .elsewhere)
        #expect(elsewhere.due == 1 && elsewhere.taken == 0)
        let here = try await apply(as: ProcessRole(isAlone: false, jobClaimMilliseconds: 30_000, isInCharge: { false }))
        #expect(here.due == 0 && here.taken == 1)
    }
}
