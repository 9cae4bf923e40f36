/// Decides which requests are let in, so that accepted work is finished before new work is taken and every queue stays short.
///
/// A request that sets work in motion is admitted while three things hold: few enough of its kind are being answered, the work behind it (what is being
/// answered plus what the platform has accepted and not yet done) is under a limit, and nothing has waited far too long. Everything else (reads, cancellations,
/// what operators do) has a larger bound of its own, and is never refused for the backlog's sake.
///
/// The limit moves by AIMD (Chiu and Jain, 1989) on CoDel's signal (Nichols and Jacobson, RFC 8289): the *least* delay seen during an interval. A burst leaves some
/// moment of little delay in every interval and is no reason to refuse; a standing queue does not.
///
/// | at the end of an interval | limit |
/// | --- | --- |
/// | the least delay is above the target | the smaller of limit and backlog, less a fifth |
/// | it is not, and the backlog came above half the limit | a step more |
/// | it is not, and the backlog stayed below | as it was |
///
/// This is a value with no clock, lock or task of its own: the caller passes the time (milliseconds of one monotonic clock) into every call.
public struct AdmissionControl: Sendable, Equatable {
    /// The bounds of an entry.
    public struct Configuration: Sendable, Equatable {
        /// The most requests that set work in motion and are being answered at once.
        public var maximumStarting: Int
        /// The most other requests that are being answered at once.
        public var maximumOther: Int
        /// Between these the limit of the backlog moves. The least must be enough to keep the platform busy.
        public var limits: ClosedRange<Int>
        /// The delay that the standing queue may have, in milliseconds.
        public var targetMilliseconds: Int64
        /// The time over which the least delay counts, in milliseconds: longer than a disk's usual stops, which are no reason to refuse anybody.
        public var intervalMilliseconds: Int64

        /// - Parameters:
        ///   - maximumStarting: values below 1 count as 1.
        ///   - maximumOther: values below 1 count as 1.
        ///   - limits: of the backlog.
        ///   - targetMilliseconds: values below 1 count as 1.
        ///   - intervalMilliseconds: values below 1 count as 1.
        public init(
            maximumStarting: Int = 512, maximumOther: Int = 4096, limits: ClosedRange<Int> = 256...2048, targetMilliseconds: Int64 = 100,
            intervalMilliseconds: Int64 = 500
        ) {
            self.maximumStarting = max(1, maximumStarting)
            self.maximumOther = max(1, maximumOther)
            self.limits = max(1, limits.lowerBound)...max(1, limits.upperBound)
            self.targetMilliseconds = max(1, targetMilliseconds)
            self.intervalMilliseconds = max(1, intervalMilliseconds)
        }
    }

    /// What a request asks of the platform.
    public enum Kind: String, Sendable, Equatable, CaseIterable {
        /// It sets work in motion that goes on after its answer.
        case starting
        /// Its answer is all there is to it.
        case other
    }

    /// How much accepted work there is.
    public struct Pressure: Sendable, Equatable {
        /// Pieces of accepted work that are not done.
        public var pending: Int
        /// How long the oldest of them has waited for its turn, in milliseconds.
        public var delayMilliseconds: Int64

        public init(pending: Int = 0, delayMilliseconds: Int64 = 0) { (self.pending, self.delayMilliseconds) = (pending, delayMilliseconds) }
    }

    /// Why a request is not let in. The raw value is the metric's label.
    public enum Refusal: String, Sendable, Equatable, CaseIterable {
        /// Too many requests are being answered.
        case inFlight = "in-flight"
        /// There is as much accepted work as is done within the target.
        case backlog
        /// Accepted work has waited for many times the target: something stands still.
        case delay
    }

    /// How many times the target accepted work may wait before nothing new is let in, whatever the limit.
    public static let standstillFactor: Int64 = 5

    /// The bounds in force.
    public let configuration: Configuration
    /// How much work there may be now.
    public private(set) var limit: Int
    /// Requests that are being answered and set work in motion.
    public private(set) var starting = 0
    /// Other requests that are being answered.
    public private(set) var other = 0
    private var pressure = Pressure()
    private var intervalBegin: Int64?
    private var leastDelay: Int64?
    private var leastAnswerTime: Int64?
    private var largestBacklog = 0

    /// An entry that nobody has passed. The limit begins halfway up, so that what follows a start is not refused for want of experience.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        limit = configuration.limits.lowerBound + (configuration.limits.upperBound - configuration.limits.lowerBound) / 2
    }

    /// All work there is: what is being answered and what is pending.
    public var backlog: Int { starting + pressure.pending }

    /// Takes note of how much work is pending, and moves the limit when an interval is over. To be called every few milliseconds while requests come.
    public mutating func observe(_ pressure: Pressure, at now: Int64) {
        self.pressure = pressure
        let begin = intervalBegin ?? now
        intervalBegin = begin
        leastDelay = min(leastDelay ?? .max, pressure.delayMilliseconds)
        largestBacklog = max(largestBacklog, backlog)
        if now >= begin.saturating(plus: configuration.intervalMilliseconds) { endInterval(at: now) }
    }

    /// Whether a request would be refused now, and why.
    public func refusal(of kind: Kind) -> Refusal? {
        switch kind {
        case .other: return other < configuration.maximumOther ? nil : .inFlight
        case .starting:
            if starting >= configuration.maximumStarting { return .inFlight }
            if pressure.delayMilliseconds > configuration.targetMilliseconds * AdmissionControl.standstillFactor { return .delay }
            return backlog < limit ? nil : .backlog
        }
    }

    /// Lets a request in, or tells why not. Who is let in must ``leave(_:after:)``.
    public mutating func enter(_ kind: Kind) -> Refusal? {
        if let refusal = refusal(of: kind) { return refusal }
        switch kind {
        case .starting: starting += 1
        case .other: other += 1
        }
        return nil
    }

    /// Takes note that a request has been answered.
    /// - Parameter milliseconds: how long that took; the wait for a commit is most of it.
    public mutating func leave(_ kind: Kind, after milliseconds: Int64) {
        switch kind {
        case .starting:
            starting = max(0, starting - 1)
            leastAnswerTime = min(leastAnswerTime ?? .max, milliseconds)
        case .other: other = max(0, other - 1)
        }
    }

    private mutating func endInterval(at now: Int64) {
        let limits = configuration.limits
        if max(leastDelay ?? 0, leastAnswerTime ?? 0) > configuration.targetMilliseconds {
            let reached = min(limit, largestBacklog)
            limit = max(limits.lowerBound, reached - reached / 5)
        } else if largestBacklog > limit / 2 {
            limit = min(limits.upperBound, limit + max(1, limits.lowerBound / 4))
        }
        intervalBegin = now
        (leastDelay, leastAnswerTime, largestBacklog) = (nil, nil, backlog)
    }
}

extension Int64 {
    /// A time far in the future must not trap.
    fileprivate func saturating(plus duration: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(duration)
        return overflow ? .max : sum
    }
}
