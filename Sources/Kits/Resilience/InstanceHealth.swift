/// What calls have shown of one of several instances that do the same work: whether it should get more of them.
///
/// An instance that fails several times in a row is ejected: it gets no calls for a while, each time for twice as long. Then one call tries it. This is outlier ejection; a
/// ``CircuitBreaker`` in contrast protects a dependency as a whole. ``InstanceBalancer`` sees to it that the last one is never ejected.
///
/// A value with no clock, lock or task of its own: the time is passed in (milliseconds of one monotonic clock, never less than before).
///
/// | state | may be called | success | failure |
/// | --- | --- | --- | --- |
/// | serving | yes | forgets the failures | counted; the 3rd in a row -> ejected, where that is allowed |
/// | ejected, not yet due | no | no effect (late) | no effect (late) |
/// | ejected, due | by one call: ``beginTrial(at:)`` -> on trial | no effect (late) | no effect (late) |
/// | on trial | no | of the trial -> serving; of an older call: no effect | of the trial -> ejected for longer; of an older call: no effect |
/// | on trial, overdue | by one more call | as above | as above |
public struct InstanceHealth: Sendable, Equatable {
    /// The limits; the same for all instances of a service.
    public struct Configuration: Sendable, Equatable {
        /// How many failures in a row eject an instance. Values below 1 count as 1.
        public let failuresInARow: Int
        /// How long the first ejection lasts, in milliseconds; also how long a trial may stay unanswered before another call tries.
        public let baseMilliseconds: Int64
        /// The longest ejection, in milliseconds. An instance that has served for as long begins with the base again.
        public let capMilliseconds: Int64

        public init(failuresInARow: Int = 3, baseMilliseconds: Int64 = 5_000, capMilliseconds: Int64 = 120_000) {
            self.failuresInARow = max(1, failuresInARow)
            self.baseMilliseconds = max(1, baseMilliseconds)
            self.capMilliseconds = max(self.baseMilliseconds, capMilliseconds)
        }
    }

    /// What may be done with an instance at a moment.
    public enum Standing: Sendable, Equatable {
        case serving
        /// One call may try it; waiting for that since then.
        case due(since: Int64)
        case onTrial
        case ejected
    }

    private enum Phase: Sendable, Equatable {
        /// Next: ejected. Outcomes of calls begun before `since` belong to an earlier phase.
        case serving(since: Int64, failures: Int)
        /// Next: on trial, by a call at or after `until`.
        case ejected(until: Int64)
        /// Next: serving or ejected, by the outcome of a call begun at or after `begun`.
        case onTrial(begun: Int64, overdueAt: Int64)
    }

    private let configuration: Configuration
    private var phase: Phase = .serving(since: .min, failures: 0)
    /// How often in a row it has been ejected: what the length of the next ejection goes by.
    private var ejections = 0

    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public func standing(at now: Int64) -> Standing {
        switch phase {
        case .serving: .serving
        case .ejected(let until): now < until ? .ejected : .due(since: until)
        case .onTrial(_, let overdueAt): now < overdueAt ? .onTrial : .due(since: overdueAt)
        }
    }

    /// Notes that a call begins that will show whether the instance is back. Without effect on one that serves, or that is not due.
    public mutating func beginTrial(at now: Int64) {
        guard case .due = standing(at: now) else { return }
        switch phase {
        case .serving: break
        case .ejected: phase = .onTrial(begun: now, overdueAt: sum(now, configuration.baseMilliseconds))
        case .onTrial(let begun, _): phase = .onTrial(begun: begun, overdueAt: sum(now, configuration.baseMilliseconds))
        }
    }

    /// - Parameter begun: when the call began.
    public mutating func recordSuccess(at now: Int64, begunAt begun: Int64) {
        switch phase {
        case .serving(let since, _): if begun >= since { phase = .serving(since: since, failures: 0) }
        case .ejected: break
        case .onTrial(let trial, _): if begun >= trial { phase = .serving(since: now, failures: 0) }
        }
    }

    /// - Parameters:
    ///   - begun: when the call began.
    ///   - mayEject: whether there is another one to do the work.
    /// - Returns: whether this ejected the instance.
    public mutating func recordFailure(at now: Int64, begunAt begun: Int64, mayEject: Bool) -> Bool {
        switch phase {
        case .serving(let since, let failures):
            guard begun >= since else { return false }
            let count = min(failures + 1, configuration.failuresInARow)
            guard count == configuration.failuresInARow, mayEject else {
                phase = .serving(since: since, failures: count)
                return false
            }
            if since == .min || now >= sum(since, configuration.capMilliseconds) { ejections = 0 }
            eject(at: now)
            return true
        case .ejected:
            return false
        case .onTrial(let trial, _):
            guard begun >= trial else { return false }
            eject(at: now)
            return true
        }
    }

    private mutating func eject(at now: Int64) {
        ejections += 1
        let backoff = Backoff(baseMilliseconds: configuration.baseMilliseconds, capMilliseconds: configuration.capMilliseconds)
        phase = .ejected(until: sum(now, backoff.ceilingMilliseconds(afterAttempt: ejections)))
    }

    /// A time far in the future must not trap.
    private func sum(_ time: Int64, _ duration: Int64) -> Int64 {
        let (sum, overflow) = time.addingReportingOverflow(duration)
        return overflow ? .max : sum
    }
}
