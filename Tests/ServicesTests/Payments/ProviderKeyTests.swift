import Testing
import Wire

/// What the provider is asked, by its key.
@Suite("Provider keys", .timeLimit(.minutes(1)))
struct ProviderKeyTests {
    @Test("every call to the provider for one purpose has the same key and amount, however often it is made")
    func keys() async throws {
        let bench = try await SagaBench()
        _ = try await bench.stock("A", 100)
        let id = try await bench.accepted("A", 3, method: "test_timeout")
        bench.provider.loses(.charge, times: 7)
        try await bench.settle()
        #expect(try await bench.status(id) == "PAID")
        bench.provider.loses(.refund, times: 7)
        #expect(try await bench.cancel(id).status == 202)
        try await bench.settle()
        #expect(try await bench.status(id) == "CANCELLED")

        let (charges, refunds) = (bench.provider.asked(.charge), bench.provider.asked(.refund))
        #expect(charges.count > 7 && Set(charges).count == 1)
        #expect(refunds.count > 7 && Set(refunds).count == 1)
        let payment = try #require(try await bench.payment(id)?["id"]?.string)
        #expect(charges.first == "\(payment) 750")
        #expect(try await bench.books() == ["capture 750", "refund 750"])

        let other = try await bench.accepted("A", 3)
        try await bench.settle()
        #expect(try await bench.status(other) == "PAID")
        #expect(Set(bench.provider.asked(.charge)).count == 2, "another order has a key of its own")
    }
}
