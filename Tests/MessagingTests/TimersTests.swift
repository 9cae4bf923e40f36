import Storage
import Synchronization
import Testing
import Wire

@testable import Messaging

@Suite("Timers", .timeLimit(.minutes(1)))
struct TimersTests {
    let bench: Workbench
    let database: InterruptedDatabase
    private let fired = Fired()

    final class Fired: Sendable {
        private let state = Mutex<(keys: [UInt64], failing: Set<UInt64>)>(([], []))
        var keys: [UInt64] { state.withLock { $0.keys } }
        func fails(at keys: UInt64...) { state.withLock { $0.failing = Set(keys) } }
        func fire(_ timers: [DueTimer]) throws {
            try state.withLock { state in
                if let guilty = timers.first(where: { state.failing.contains($0.key.low) }) { throw Refused(number: Int64(guilty.key.low)) }
                state.keys += timers.map(\.key.low)
            }
        }
    }

    init() async throws {
        bench = try await Workbench()
        database = InterruptedDatabase(bench.consumer)
    }

    private func runner() -> TimerRunner {
        TimerRunner(database: database, context: bench.consuming, logger: bench.logger) { [fired] timers, _, _ in try fired.fire(timers) }
    }
    private func timer(_ key: UInt64, in milliseconds: Int64) -> DueTimer {
        DueTimer(due: bench.clock.now().advanced(byMilliseconds: milliseconds), kind: "toy", key: Identifier(high: 0, low: key))
    }
    private func set(_ timers: DueTimer...) async throws { try await bench.consumer.write { try Timers.set(timers, in: $0) } }

    @Test("a timer fires once, when it is due and not before")
    func dueTime() async throws {
        let runner = self.runner()
        try await set(timer(1, in: 100), timer(2, in: 200))
        try await set(timer(1, in: 100))
        #expect(try await runner.step() == 0)
        bench.clock.advance(by: .milliseconds(99))
        #expect(try await runner.step() == 0)
        bench.clock.advance(by: .milliseconds(1))
        #expect(try await runner.step() == 1)
        #expect(fired.keys == [1])
        bench.clock.advance(by: .seconds(1))
        #expect(try await runner.step() == 1)
        #expect(try await self.runner().step() == 0, "a new runner does not fire it again")
        #expect(fired.keys == [1, 2])
    }

    @Test("a cancelled timer never fires, also when it was cancelled while the due ones were being looked up")
    func cancelling() async throws {
        let runner = self.runner()
        let (early, late) = (timer(1, in: 100), timer(2, in: 100))
        try await set(early, late, timer(3, in: 100))
        try await bench.consumer.write { try Timers.cancel([early], in: $0) }
        bench.clock.advance(by: .milliseconds(100))
        database.afterNextCall { [bench] in try await bench.consumer.write { try Timers.cancel([late], in: $0) } }
        _ = try await runner.step()
        #expect(fired.keys == [3])
        #expect(try await bench.count(Workbench.timerRows, in: bench.consumer) == 0)
    }

    @Test("a timer that fails holds back no other and is tried again a minute later")
    func failing() async throws {
        let runner = self.runner()
        try await set(timer(1, in: 0), timer(2, in: 0), timer(3, in: 0))
        fired.fails(at: 2)
        #expect(try await runner.step() == 3)
        #expect(fired.keys == [1, 3])
        #expect(try await runner.step() == 0)
        fired.fails()
        bench.clock.advance(by: .milliseconds(59_999))
        #expect(try await runner.step() == 0)
        bench.clock.advance(by: .milliseconds(1))
        #expect(try await runner.step() == 1)
        #expect(fired.keys == [1, 3, 2])
    }
}
