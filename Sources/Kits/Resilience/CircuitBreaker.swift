/// Stops calls to a dependency that keeps failing, so that callers fail fast and the dependency can recover.
///
/// The rule is the seed's (S2, "Circuit Breaker Pattern"): 5 failures in 60 s open the breaker, it stays open for 30 s, and then lets
/// exactly 1 probe through. There is one breaker per dependency and instance. An open breaker means "queue it" or "503"; it never turns an
/// unknown outcome into a failed one.
///
/// This is a value with no clock, lock or task of its own: the caller passes the time (milliseconds of one monotonic clock) into every
/// call, which makes it simulable. A time that goes back reads as a clock that stands still.
///
/// | state | `admission` | success | failure | neither |
/// | --- | --- | --- | --- | --- |
/// | closed | admitted | no effect | counted; the 5th within 60 s -> open | no effect |
/// | open, not yet due | refused | no effect (late) | no effect (late) | no effect |
/// | open, due | probe -> half-open | no effect (late) | no effect (late) | no effect |
/// | half-open, probe in flight | refused | of the probe -> closed; of an older call: no effect | of the probe -> open; of an older call: no effect | of the probe -> open, due |
/// | half-open, probe overdue | a new probe | as above | as above | as above |
public struct CircuitBreaker: Sendable, Equatable {
    /// The limits of a breaker. The defaults are the seed's.
    public struct Configuration: Sendable, Equatable {
        /// How many failures within the window open the breaker. Values below 1 count as 1.
        public var failureThreshold: Int
        /// How long a failure counts, in milliseconds. A failure exactly this old no longer does.
        public var windowMilliseconds: Int64
        /// How long the breaker refuses everything once open, in milliseconds; also how long a probe may stay unanswered before another
        /// is let through, because a probe whose caller died would otherwise keep the breaker half-open for ever.
        public var openMilliseconds: Int64

        /// - Parameters:
        ///   - failureThreshold: Failures within the window that open the breaker.
        ///   - windowMilliseconds: The window, in milliseconds.
        ///   - openMilliseconds: The pause before a probe, in milliseconds.
        public init(failureThreshold: Int = 5, windowMilliseconds: Int64 = 60_000, openMilliseconds: Int64 = 30_000) {
            self.failureThreshold = max(1, failureThreshold)
            self.windowMilliseconds = max(1, windowMilliseconds)
            self.openMilliseconds = max(1, openMilliseconds)
        }
    }

    /// What a metric or a health page shows. The raw value is the gauge's: 0 closed, 1 half-open, 2 open.
    public enum State: Int, Sendable, Equatable, CaseIterable {
        case closed = 0
        case halfOpen = 1
        case open = 2
    }

    /// The answer to "may I call?".
    public enum Admission: Sendable, Equatable {
        /// Call, and record the outcome.
        case admitted
        /// Call: this is the one test request of the half-open state. Its outcome must be recorded, it decides what happens next.
        case probe
        /// Do not call. Asking again sooner than after this many milliseconds (at least 1) is of no use.
        case refused(retryAfterMilliseconds: Int64)
    }

    private enum Phase: Sendable, Equatable {
        /// Next: open. `failures` are the times of the failures that still count, at most `failureThreshold - 1`. Outcomes of calls begun
        /// before `since` belong to an earlier closed phase.
        case closed(since: Int64, failures: [Int64])
        /// Next: half-open, by the first admission at or after `until`.
        case open(until: Int64)
        /// Next: closed or open, by the outcome of a probe; outcomes of calls begun before `firstProbeAt` are late.
        case halfOpen(firstProbeAt: Int64, overdueAt: Int64)
    }

    /// The limits in force.
    public let configuration: Configuration
    /// How often the breaker has opened since it was made; for a counter.
    public private(set) var openings: Int = 0
    private var phase: Phase = .closed(since: .min, failures: [])
    private var latest: Int64 = .min

    /// Makes a closed breaker.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// The state as of the last input. An open breaker that is due stays `open` until somebody asks for admission.
    public var state: State {
        switch phase {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// Decides whether a call may be made now.
    ///
    /// - Parameter time: Now, in milliseconds.
    public mutating func admission(at time: Int64) -> Admission {
        let now = advance(to: time)
        switch phase {
        case .closed:
            return .admitted
        case .open(let until) where now < until:
            return .refused(retryAfterMilliseconds: until - now)
        case .open:
            phase = .halfOpen(firstProbeAt: now, overdueAt: saturatingSum(now, configuration.openMilliseconds))
            return .probe
        case .halfOpen(_, let overdueAt) where now < overdueAt:
            // The probe is usually answered long before it is overdue, so those who wait are sent to ask again within a second.
            return .refused(retryAfterMilliseconds: min(1_000, overdueAt - now))
        case .halfOpen(let firstProbeAt, _):
            phase = .halfOpen(firstProbeAt: firstProbeAt, overdueAt: saturatingSum(now, configuration.openMilliseconds))
            return .probe
        }
    }

    /// Records that a call succeeded. Only the success of a probe changes anything: it closes the breaker and forgets all failures.
    ///
    /// - Parameters:
    ///   - time: Now, in milliseconds.
    ///   - begun: When the call was admitted. A caller with several calls in flight must give it, otherwise a late outcome of a call begun
    ///     before the breaker opened is taken for the probe's. `nil` says that the call belongs to the present state.
    public mutating func recordSuccess(at time: Int64, begunAt begun: Int64? = nil) {
        let now = advance(to: time)
        switch phase {
        case .closed, .open:
            break
        case .halfOpen(let firstProbeAt, _):
            if let begun, begun < firstProbeAt { return }
            phase = .closed(since: now, failures: [])
        }
    }

    /// Records that a call failed: the dependency did not answer, or answered that it is broken. A refusal (a declined card) is an answer,
    /// hence a success here.
    ///
    /// - Parameters:
    ///   - time: Now, in milliseconds.
    ///   - begun: When the call was admitted; see ``recordSuccess(at:begunAt:)``.
    public mutating func recordFailure(at time: Int64, begunAt begun: Int64? = nil) {
        let now = advance(to: time)
        switch phase {
        case .closed(let since, let failures):
            if let begun, begun < since { return }
            count(failures, at: now, since: since)
        case .open:
            break
        case .halfOpen(let firstProbeAt, _):
            if let begun, begun < firstProbeAt { return }
            open(at: now)
        }
    }

    /// Records that a call ended and showed nothing: its caller went before the dependency had had its time. After a probe the next call is one; otherwise a caller in a
    /// hurry would keep all others away for as long as an unanswered probe does.
    ///
    /// - Parameters:
    ///   - time: Now, in milliseconds.
    ///   - begun: When the call was admitted; see ``recordSuccess(at:begunAt:)``.
    public mutating func recordUnknown(at time: Int64, begunAt begun: Int64? = nil) {
        let now = advance(to: time)
        guard case .halfOpen(let firstProbeAt, _) = phase else { return }
        if let begun, begun < firstProbeAt { return }
        phase = .open(until: now)
    }

    private mutating func count(_ earlier: [Int64], at now: Int64, since: Int64) {
        let failures = earlier.filter { saturatingSum($0, configuration.windowMilliseconds) > now } + [now]
        if failures.count >= configuration.failureThreshold {
            open(at: now)
        } else {
            phase = .closed(since: since, failures: failures)
        }
    }

    private mutating func open(at now: Int64) {
        openings += 1
        phase = .open(until: saturatingSum(now, configuration.openMilliseconds))
    }

    private mutating func advance(to time: Int64) -> Int64 {
        latest = max(latest, time)
        return latest
    }
}

/// A time far in the future must not trap.
private func saturatingSum(_ time: Int64, _ duration: Int64) -> Int64 {
    let (sum, overflow) = time.addingReportingOverflow(duration)
    return overflow ? .max : sum
}
