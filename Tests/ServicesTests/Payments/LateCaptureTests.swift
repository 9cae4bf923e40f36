import Contracts
import Testing
import Wire

/// A regression: the simulation's first seed found that Analytics took back what it had never counted.
@Suite("Late captures", .timeLimit(.minutes(1)))
struct LateCaptureTests {
    @Test("simulation seed 1, S13: a capture found while the order is being cancelled is told before it is given back")
    func seed1() async throws {
        let bench = try await SagaBench()
        _ = try await bench.stock("A", 100)
        let id = try await bench.accepted("A", 3)
        for service in ["inventory", "payments", "orders"] { await bench.listen(service) }
        #expect(try await bench.status(id) == "RESERVED")
        // Payments hears of the cancellation before it knows what becomes of the charge, which the provider then makes.
        #expect(try await bench.cancel(id).status == 202)
        await bench.listen("payments")
        #expect(try await bench.said(bench.payments) == [])
        try await bench.settle()

        #expect(try await bench.status(id) == "CANCELLED")
        #expect(try await bench.books() == ["capture 750", "refund 750"])
        #expect(try await bench.said(bench.payments) == ["PaymentProcessed", "PaymentRefunded"])
    }
}
