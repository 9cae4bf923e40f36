import Messaging
import Wire

/// Virtual time. It stands still until the scheduler moves it; the wall clock that services see may jump, waiting does not.
final class SimulatedTime {
    /// Where every run begins: 2026-01-01T00:00:00Z.
    static let begin: Int64 = 1_767_225_600_000
    /// Milliseconds since the run began.
    private(set) var elapsed: Int64 = 0
    /// How far the wall clock is off, in milliseconds.
    var offset: Int64 = 0
    private var sleepers: [(wakes: Int64, number: Int, owner: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var count = 0
    private var isOver = false

    /// What the wall clock shows.
    var now: Timestamp { Timestamp(milliseconds: SimulatedTime.begin + elapsed + offset) }

    /// When the next one wakes, in milliseconds since the run began.
    var nextWake: Int64? { sleepers.map(\.wakes).min() }

    func sleep(milliseconds: Int64, owner: Int, _ continuation: CheckedContinuation<Void, any Error>) {
        if isOver { return continuation.resume(throwing: CancellationError()) }
        count += 1
        sleepers.append((elapsed + max(0, milliseconds), count, owner, continuation))
    }

    /// Moves time on and wakes whoever slept until then, in the order of their times.
    func advance(to time: Int64) {
        elapsed = max(elapsed, time)
        let due = sleepers.filter { $0.wakes <= elapsed }.sorted { ($0.wakes, $0.number) < ($1.wakes, $1.number) }
        sleepers.removeAll { $0.wakes <= elapsed }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Wakes the sleepers of a process that died, with an error.
    func cancel(owner: Int) { cancel { $0 == owner } }

    /// Wakes everybody with an error, and whoever sleeps from now on.
    func cancelAll() {
        isOver = true
        cancel { _ in true }
    }

    private func cancel(_ isGone: (Int) -> Bool) {
        let gone = sleepers.filter { isGone($0.owner) }
        sleepers.removeAll { isGone($0.owner) }
        for sleeper in gone { sleeper.continuation.resume(throwing: CancellationError()) }
    }
}

/// Virtual time as one process sees it. Confined to the thread of its simulation.
struct SimulatedClock: WallClock, @unchecked Sendable {
    let time: SimulatedTime
    /// The process that sleeps; 0 is the outside, which never dies.
    let owner: Int

    func now() -> Timestamp { time.now }

    func sleep(for duration: Duration) async throws {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        try await withCheckedThrowingContinuation { time.sleep(milliseconds: milliseconds, owner: owner, $0) }
    }
}
