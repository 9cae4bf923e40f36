import Synchronization

/// How many events of a consumer are parked and how many lie dead; brought up to date with the commits that change it. For gauges.
public final class ConsumerBacklog: Sendable {
    private let parkedCount = Atomic<Int>(0)
    private let deadCount = Atomic<Int>(0)

    /// Events that wait for another attempt, or behind one that does.
    public var parked: Int { parkedCount.load(ordering: .relaxed) }
    /// Dead letters that nobody has redriven or archived.
    public var deadLetters: Int { deadCount.load(ordering: .relaxed) }

    func set(parked: Int, deadLetters: Int) {
        parkedCount.store(parked, ordering: .relaxed)
        deadCount.store(deadLetters, ordering: .relaxed)
    }
    func change(parked: Int = 0, deadLetters: Int = 0) {
        parkedCount.add(parked, ordering: .relaxed)
        deadCount.add(deadLetters, ordering: .relaxed)
    }
}
