/// Capped exponential backoff with full jitter, for repeated calls to a dependency that other callers repeat as well.
///
/// The wait before the n-th retry is a random time between 0 and `base * 2^(n-1)`, at most `cap`. The randomness spreads callers that failed
/// together; without it they come back together and fail together again. Retries belong to one layer only: who calls a thing that already
/// retries must not retry as well.
///
/// The random value is passed in, so that a simulation with the same seed waits the same times.
public struct Backoff: Sendable, Equatable {
    /// The longest possible wait before the first retry, in milliseconds.
    public let baseMilliseconds: Int64
    /// The longest possible wait before any retry, in milliseconds.
    public let capMilliseconds: Int64

    /// - Parameters:
    ///   - baseMilliseconds: The longest wait before the first retry; values below 1 count as 1.
    ///   - capMilliseconds: The longest wait of all; values below the base count as the base.
    public init(baseMilliseconds: Int64 = 1_000, capMilliseconds: Int64 = 60_000) {
        self.baseMilliseconds = max(1, baseMilliseconds)
        self.capMilliseconds = max(self.baseMilliseconds, capMilliseconds)
    }

    /// The longest possible wait after so many failed attempts, in milliseconds.
    ///
    /// - Parameter attempt: How many attempts have failed, from 1; values below 1 count as 1. Any number is safe: it never overflows.
    public func ceilingMilliseconds(afterAttempt attempt: Int) -> Int64 {
        let doublings = max(0, attempt - 1)
        guard doublings < 62, baseMilliseconds <= capMilliseconds >> Int64(doublings) else { return capMilliseconds }
        return baseMilliseconds << Int64(doublings)
    }

    /// The wait after so many failed attempts, in milliseconds: uniformly between 0 and the ceiling, both included.
    ///
    /// - Parameters:
    ///   - attempt: How many attempts have failed, from 1.
    ///   - random: 64 random bits of the caller's source.
    public func delayMilliseconds(afterAttempt attempt: Int, random: UInt64) -> Int64 {
        let choices = UInt64(ceilingMilliseconds(afterAttempt: attempt)) + 1
        // The high half of the product maps all of UInt64 evenly onto 0 ..< choices, without the bias of a remainder.
        return Int64(random.multipliedFullWidth(by: choices).high)
    }
}

/// The fixed waits before the retries of an event that its consumer could not handle.
///
/// The seed's (S2, "Dead Letter Queue Strategy"): the first delivery, then 3 retries after 1 s, 2 s and 4 s, then the dead letters. There
/// is no jitter, because the schedule is a promise that operators can read and tests can check, and it delays one order, not a fleet.
public struct RetrySchedule: Sendable, Equatable {
    /// 1 s, 2 s, 4 s.
    public static let eventConsumer = Self(delaysMilliseconds: [1_000, 2_000, 4_000])
    /// No retry at all: the first failure is final.
    public static let never = Self(delaysMilliseconds: [])

    /// The wait before each retry, in milliseconds, in order.
    public let delaysMilliseconds: [Int64]

    /// - Parameter delaysMilliseconds: The wait before each retry; negative values count as 0.
    public init(delaysMilliseconds: [Int64]) {
        self.delaysMilliseconds = delaysMilliseconds.map { max(0, $0) }
    }

    /// How many retries follow the first delivery.
    public var retries: Int { delaysMilliseconds.count }

    /// The wait before the next delivery, in milliseconds, or `nil` when no retry is left.
    ///
    /// - Parameter attempt: How many deliveries have failed, from 1; values below 1 count as 1.
    public func delayMilliseconds(afterAttempt attempt: Int) -> Int64? {
        let index = max(1, attempt) - 1
        return index < delaysMilliseconds.count ? delaysMilliseconds[index] : nil
    }
}
