import Synchronization

/// How long all writers of a process let their callers gather at the least, which may change at any moment.
///
/// A commit costs the same whatever is in it. When there is more to do than can be done, larger batches do more of it, and whoever waits waits for the others rather than
/// for the disk; when there is not, they would only make everybody wait.
public final class CommitPace: Sendable {
    private let nanoseconds = Atomic<UInt64>(0)

    /// A pace that leaves every database its own interval.
    public init() {}

    /// The least interval between the beginnings of two transactions of a busy writer; 0 for each database's own.
    public var least: Duration {
        get { .nanoseconds(Int64(clamping: nanoseconds.load(ordering: .relaxed))) }
        set(least) {
            let (seconds, attoseconds) = max(.zero, least).components
            nanoseconds.store(UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000), ordering: .relaxed)
        }
    }

    /// The interval of a database that has one of its own, in nanoseconds.
    func interval(of own: UInt64) -> UInt64 { max(own, nanoseconds.load(ordering: .relaxed)) }
}
