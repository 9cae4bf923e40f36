import Messaging
import Storage
import StorageSQLite
import Testing
import Wire

@testable import Messaging

@Suite("Lease", .timeLimit(.minutes(1)))
struct LeaseTests {
    private static let expire = SQL("UPDATE leases SET ends_at = 1")
    private let bench: Workbench

    init() async throws { bench = try await Workbench() }

    private func lease(_ owner: String) -> Lease { Lease(name: "relay", owner: owner, database: bench.producer, clock: bench.clock, logger: bench.logger) }

    @Test("the first who asks has it, and the second does not")
    func exclusive() async throws {
        let (first, second) = (lease("a"), lease("b"))
        try await first.step()
        try await second.step()
        #expect(first.isHeld)
        #expect(!second.isHeld)
        try await first.step()
        #expect(first.isHeld, "renewed")
    }

    @Test("who takes over a lease that ended fences out the one that had it before")
    func fencing() async throws {
        let (first, second) = (lease("a"), lease("b"))
        try await first.step()
        try await bench.producer.write { try first.check(in: $0) }
        _ = try await bench.producer.write { try $0.execute(Self.expire) }
        try await second.step()
        #expect(second.isHeld)
        // The first stood still and believes that it has it.
        #expect(first.isHeld)
        await #expect(throws: Lease.Lost.self) { try await bench.producer.write { try first.check(in: $0) } }
        try await bench.producer.write { try second.check(in: $0) }
        try await first.step()
        #expect(!first.isHeld)
    }

    @Test("a holder that comes back after its lease ended, and finds it free, keeps its epoch; after another one it gets a higher one")
    func epochs() async throws {
        let (first, second) = (lease("a"), lease("b"))
        let epoch = SQL("SELECT epoch FROM leases")
        func now() async throws -> Int64 { try await bench.count(epoch, in: bench.producer) }
        try await first.step()
        #expect(try await now() == 1)
        _ = try await bench.producer.write { try $0.execute(Self.expire) }
        try await first.step()
        #expect(try await now() == 1)
        _ = try await bench.producer.write { try $0.execute(Self.expire) }
        try await second.step()
        _ = try await bench.producer.write { try $0.execute(Self.expire) }
        try await first.step()
        #expect(try await now() == 3)
        #expect(first.isHeld)
    }
}
