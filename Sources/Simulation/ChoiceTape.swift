import Messaging

/// Every decision of a run, in order: drawn from a seed, or read from a tape that an earlier run left. Behind the end of a tape every choice is 0, the
/// tamest one, so that any piece of a tape is a run of its own: that is what makes failures shrinkable.
final class ChoiceTape {
    private var random: RandomSource
    private let given: [UInt32]?
    /// What has been chosen so far.
    private(set) var taken: [UInt32] = []

    /// Choices drawn from a seed.
    init(seed: UInt64) { (random, given) = (RandomSource(seed: seed), nil) }

    /// Choices read from a tape.
    init(_ tape: [UInt32]) { (random, given) = (RandomSource(seed: 0), tape) }

    /// One of `0 ..< count`.
    func choose(_ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let value: UInt32
        if let given {
            value = taken.count < given.count ? given[taken.count] % UInt32(count) : 0
        } else {
            value = UInt32(truncatingIfNeeded: random.next() % UInt64(count))
        }
        taken.append(value)
        return Int(value)
    }

    /// True once in `perMille` of a thousand; false is the tame choice.
    func happens(perMille: Int) -> Bool { perMille > 0 && choose(1000) >= 1000 - perMille }

    /// One of several; the first is the tame choice.
    func pick<T>(_ values: [T]) -> T { values[choose(values.count)] }
}
