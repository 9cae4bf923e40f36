import Gateway
import Logging
import Messaging
import Storage
import Synchronization
import Testing

@testable import Platform

/// A clock that a test turns, of the kind that nobody sets.
final class TurnedClock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: @Sendable () -> ContinuousClock.Instant { { [self] in time.withLock { $0 } } }
    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
}

@Suite("Watch over dependencies")
struct DependencyWatchTests {
    private let clock = TurnedClock()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// What the watched thing answers.
    private final class Answer: Sendable { let error = Mutex<StorageError?>(nil) }

    private func watch(_ answer: Answer) -> DependencyWatch {
        let dependency = DependencyWatch.Dependency(name: "it", isEssential: true) { if let error = answer.error.withLock({ $0 }) { throw error } }
        return DependencyWatch([dependency], clock: SystemClock(), logger: logger, now: clock.now)
    }

    @Test("what has been silent for longer than a request would wait is named, until it answers")
    func silence() async {
        let answer = Answer()
        let watch = watch(answer)
        answer.error.withLock { $0 = .away }
        clock.advance(.seconds(9))
        await watch.look(at: 0)
        #expect(watch.checks == [HealthCheck("it", problem: nil)])
        #expect(watch.isFailing("it") && !watch.isFailing("another"), "it is known sooner, for those who can afford to be wrong")
        clock.advance(.seconds(2))
        await watch.look(at: 0)
        #expect(watch.checks == [HealthCheck("it", problem: "has not answered for 11 s")])
        answer.error.withLock { $0 = nil }
        await watch.look(at: 0)
        #expect(watch.checks == [HealthCheck("it", problem: nil)] && !watch.isFailing("it"))
    }

    @Test("a question that is never answered is silence as well")
    func hanging() {
        let watch = watch(Answer())
        clock.advance(.seconds(11))
        #expect(watch.checks.first?.problem == "has not answered for 11 s")
    }

    @Test("too much to do is an answer")
    func overloaded() async {
        let answer = Answer()
        let watch = watch(answer)
        clock.advance(.seconds(11))
        answer.error.withLock { $0 = .overloaded }
        await watch.look(at: 0)
        #expect(watch.checks.first?.problem == nil)
    }
}
