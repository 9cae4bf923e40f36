import Synchronization

/// What happened, in order, noted from any thread.
public final class Notes<T: Sendable>: Sendable {
    private let notes = Mutex<[T]>([])
    public init() {}
    /// Notes one thing.
    public func add(_ note: T) { notes.withLock { $0.append(note) } }
    /// All that was noted so far.
    public var all: [T] { notes.withLock { $0 } }
}
