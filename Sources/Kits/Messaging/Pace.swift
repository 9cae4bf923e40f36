/// Lets work gather: while there is always more to do, rounds begin an interval apart; after a rest the next one begins at once. So a single event is not delayed, and a
/// thousand a second share what a round costs whatever is in it.
struct Pace: Sendable {
    private let interval: Duration
    private var due: ContinuousClock.Instant?

    /// - Parameter interval: from the beginning of a round to that of the next; zero for none.
    init(_ interval: Duration) { self.interval = max(.zero, interval) }

    /// How long the next round has to wait. It counts as begun when that is over.
    mutating func pause(at now: ContinuousClock.Instant = .now) -> Duration {
        let begin = max(due ?? now, now)
        due = begin + interval
        return begin - now
    }

    /// The last round left something behind: the next one need not wait.
    mutating func hurry() { due = nil }
}
