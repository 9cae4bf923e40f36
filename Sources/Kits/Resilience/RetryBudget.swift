/// Bounds how many requests are made a second time: a share of all requests, and a few per second for those who make few.
///
/// Retries help against the failure of one of many; against the failure of all they multiply the load of those who are down already. With a budget they add a tenth at
/// most, whatever fails. It is a bucket of tokens: every request puts a part of one in, time puts some in, a retry takes a whole one out, and what does not fit is lost. So
/// in any span of time there are at most ``Configuration/capacity`` + ``Configuration/percent`` % of the requests + ``Configuration/perSecond`` x seconds retries.
///
/// This is a value with no clock, lock or task of its own: the caller passes the time (milliseconds of one monotonic clock) into every call. A time that goes back
/// reads as a clock that stands still.
public struct RetryBudget: Sendable, Equatable {
    /// The limits of a budget.
    public struct Configuration: Sendable, Equatable {
        /// How many of a hundred requests may be made a second time; values outside 0...100 count as the nearest.
        public let percent: Int
        /// How many retries a second there may be besides; negative values count as 0.
        public let perSecond: Int
        /// How many retries can be saved up for later; values below 1 count as 1.
        public let capacity: Int

        public init(percent: Int = 10, perSecond: Int = 1, capacity: Int = 10) {
            self.percent = min(max(percent, 0), 100)
            self.perSecond = min(max(perSecond, 0), 1_000_000)
            self.capacity = min(max(capacity, 1), 1_000_000)
        }
    }

    /// A token is a thousand parts, so that a hundredth of one per request and one per second are whole numbers of parts per request and millisecond.
    private static let token: Int64 = 1_000

    /// The limits in force.
    public let configuration: Configuration
    private var parts: Int64
    private var latest: Int64 = .min

    /// Makes a full budget.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        parts = Int64(configuration.capacity) * RetryBudget.token
    }

    /// Whole retries that could be made now.
    public var balance: Int { Int(parts / RetryBudget.token) }

    /// Notes a request that is no retry.
    public mutating func recordRequest(at time: Int64) {
        advance(to: time)
        add(Int64(configuration.percent) * RetryBudget.token / 100)
    }

    /// Whether one more retry may be made now; if so, it is counted.
    public mutating func takeRetry(at time: Int64) -> Bool {
        advance(to: time)
        guard parts >= RetryBudget.token else { return false }
        parts -= RetryBudget.token
        return true
    }

    private mutating func advance(to time: Int64) {
        defer { latest = max(latest, time) }
        guard latest != .min, time > latest else { return }
        // Longer than it takes to fill the bucket makes no difference, and a time far in the future must not trap.
        let (elapsed, overflow) = time.subtractingReportingOverflow(latest)
        add(Int64(configuration.perSecond) * min(overflow ? .max : elapsed, 1_000_000_000))
    }

    private mutating func add(_ amount: Int64) { parts = min(parts + amount, Int64(configuration.capacity) * RetryBudget.token) }
}
