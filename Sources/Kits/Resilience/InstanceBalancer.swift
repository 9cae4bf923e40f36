/// Chooses which of several instances gets the next call: the one with the fewest calls in flight among those that are well.
///
/// | rank | instance |
/// | --- | --- |
/// | 1 | was ejected and is due: this call tries it |
/// | 2 | serves |
/// | 3 | said a moment ago that it is busy: an instance that refuses quickly has few calls in flight and would draw all of them |
/// | 4 | has just failed this very call |
/// | 5 | is being tried, or is ejected |
///
/// There is always a choice: whoever thinks that all are away must ask one to find out. The last one that serves is never ejected.
///
/// A value with no clock, lock or task of its own: the caller passes the time (milliseconds of one monotonic clock) into every call. A time that goes back reads as a
/// clock that stands still.
public struct InstanceBalancer: Sendable {
    /// The limits of a balancer.
    public struct Configuration: Sendable, Equatable {
        public let health: InstanceHealth.Configuration
        /// For how long an instance that said that it is busy comes after the others, in milliseconds.
        public let busyMilliseconds: Int64
        public init(health: InstanceHealth.Configuration = .init(), busyMilliseconds: Int64 = 500) {
            (self.health, self.busyMilliseconds) = (health, max(0, busyMilliseconds))
        }
    }

    /// Calls and streams are counted apart: streams stay for hours, and say nothing of how much an instance has to do now.
    public enum Load: Int, Sendable, CaseIterable {
        case call = 0
        case stream = 1
    }

    /// What a call showed of the instance.
    public enum Outcome: Sendable, Equatable {
        /// It answered.
        case success
        /// It did not, or answered that it is broken.
        case failure
        /// It answered that it has too much to do.
        case busy
        /// Nothing: the caller has gone.
        case unknown
    }

    /// An instance that was chosen for a call; to be given back with ``finish(_:)``.
    public struct Choice: Sendable, Equatable {
        public let index: Int
        public let load: Load
        /// Whether this call tries an instance that was ejected.
        public let isTrial: Bool
        let begun: Int64
    }

    private struct Instance: Sendable {
        var health: InstanceHealth
        var inFlight = [0, 0]
        var busyUntil: Int64 = .min
    }

    private let configuration: Configuration
    private var instances: [Instance]
    /// Where the search begins, so that instances with equally much to do take turns.
    private var turn = 0
    private var latest: Int64 = .min
    /// How often an instance was ejected since this was made; for a counter.
    public private(set) var ejections = 0

    /// - Parameter count: how many instances there are; below 1 counts as 1.
    public init(count: Int, configuration: Configuration = Configuration()) {
        self.configuration = configuration
        instances = Array(repeating: Instance(health: InstanceHealth(configuration: configuration.health)), count: max(1, count))
    }

    /// How many instances there are.
    public var count: Int { instances.count }

    /// Instances that get no calls now, those on trial included.
    public var ejected: Int { instances.count { $0.health.standing(at: latest) != .serving } }

    /// Calls, or streams, that have not ended.
    public func inFlight(_ load: Load) -> Int { instances.reduce(0) { $0 + $1.inFlight[load.rawValue] } }

    /// Chooses an instance, and counts the call as in flight there.
    /// - Parameters:
    ///   - mayTry: whether the call can be repeated elsewhere if the instance is still away. Others try an instance only when nobody else did for a while.
    ///   - failed: the instance that has just failed this call.
    public mutating func choose(_ load: Load, at time: Int64, mayTry: Bool, after failed: Int? = nil) -> Choice {
        let now = advance(to: time)
        var best: (index: Int, rank: Int, inFlight: Int)?
        for offset in instances.indices {
            let index = (turn + offset) % instances.count
            let candidate = (index, rank(index, at: now, mayTry: mayTry, after: failed), instances[index].inFlight[load.rawValue])
            if let best, (best.rank, best.inFlight) <= (candidate.1, candidate.2) { continue }
            best = candidate
        }
        let index = best?.index ?? 0
        turn = (index + 1) % instances.count
        let isTrial = best?.rank == 1
        if isTrial { instances[index].health.beginTrial(at: now) }
        instances[index].inFlight[load.rawValue] += 1
        return Choice(index: index, load: load, isTrial: isTrial, begun: now)
    }

    /// Notes what a call showed. At most once per choice; a stream's is known before it ends.
    public mutating func record(_ outcome: Outcome, of choice: Choice, at time: Int64) {
        let now = advance(to: time)
        guard instances.indices.contains(choice.index) else { return }
        switch outcome {
        case .success: instances[choice.index].health.recordSuccess(at: now, begunAt: choice.begun)
        case .failure:
            let hasOther = instances.indices.contains { $0 != choice.index && instances[$0].health.standing(at: now) == .serving }
            if instances[choice.index].health.recordFailure(at: now, begunAt: choice.begun, mayEject: hasOther) { ejections += 1 }
        case .busy:
            // It lives.
            instances[choice.index].health.recordSuccess(at: now, begunAt: choice.begun)
            instances[choice.index].busyUntil = now.addingReportingOverflow(configuration.busyMilliseconds).partialValue
        case .unknown: break
        }
    }

    /// Notes that a call, or a stream, has ended. Once per choice.
    public mutating func finish(_ choice: Choice) {
        guard instances.indices.contains(choice.index) else { return }
        let count = instances[choice.index].inFlight[choice.load.rawValue]
        instances[choice.index].inFlight[choice.load.rawValue] = max(0, count - 1)
    }

    private func rank(_ index: Int, at now: Int64, mayTry: Bool, after failed: Int?) -> Int {
        if index == failed { return 4 }
        switch instances[index].health.standing(at: now) {
        case .due(let since):
            let (waited, overflow) = now.subtractingReportingOverflow(since)
            return mayTry || overflow || waited >= configuration.health.baseMilliseconds ? 1 : 5
        case .serving: return now < instances[index].busyUntil ? 3 : 2
        case .onTrial, .ejected: return 5
        }
    }

    private mutating func advance(to time: Int64) -> Int64 {
        latest = max(latest, time)
        return latest
    }
}
