import Synchronization

/// How many events of a consumer are parked and how many lie dead. For gauges.
///
/// Brought up to date with the commits that change it; where other processes change it as well, it is read from the database now and then by the one that has the lease, and is 0 in
/// all others, so that the sum over processes is right.
public final class ConsumerBacklog: Sendable {
    private let isRead: Bool
    private let parkedCount = Atomic<Int>(0)
    private let deadCount = Atomic<Int>(0)

    /// Events that wait for another attempt, or behind one that does.
    public var parked: Int { parkedCount.load(ordering: .relaxed) }
    /// Dead letters that nobody has redriven or archived.
    public var deadLetters: Int { deadCount.load(ordering: .relaxed) }

    /// - Parameter isRead: whether it is read, and no commit of this process changes it.
    init(isRead: Bool = false) { self.isRead = isRead }

    func set(parked: Int, deadLetters: Int) {
        parkedCount.store(parked, ordering: .relaxed)
        deadCount.store(deadLetters, ordering: .relaxed)
    }
    func change(parked: Int = 0, deadLetters: Int = 0) {
        if isRead { return }
        parkedCount.add(parked, ordering: .relaxed)
        deadCount.add(deadLetters, ordering: .relaxed)
    }
}
