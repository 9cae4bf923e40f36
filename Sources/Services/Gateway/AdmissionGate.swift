import Observability
import Resilience
import Synchronization
import Web

/// The entry's gate: ``AdmissionControl`` behind a lock, with the platform's pressure read every few milliseconds, counted for the metrics.
public final class AdmissionGate: Sendable {
    /// A request that was let in.
    struct Entry: Sendable {
        let kind: AdmissionControl.Kind
        let begin: Int64
    }

    /// A request that was not.
    struct Refused: Error {
        let reason: AdmissionControl.Refusal
        /// When to come again, each pause in turn, so that those who were refused together do not come together.
        let retryAfterSeconds: Int
    }

    /// How old the pressure may be when a request is let in, in milliseconds.
    private static let sampleMilliseconds: Int64 = 2
    /// How old it may be when a request is refused on the event loop, which should not wait for others' locks: only when nobody was let in meanwhile is it read there.
    private static let refusalSampleMilliseconds: Int64 = 20

    /// For how long a refusal tells that there is more to do than can be done, in milliseconds.
    private static let strainMilliseconds: Int64 = 500

    /// What ``Refused/retryAfterSeconds`` may be.
    static let pauses = 1...3

    private struct State {
        var control: AdmissionControl
        var sampledAt: Int64?
        var admitted: [AdmissionControl.Kind: Int] = [:]
        var rejected: [AdmissionControl.Refusal: Int] = [:]
        var rejections = 0
        /// ``rejections`` as they were when last looked at, and when they were found to have grown.
        var seenRejections = 0
        var strainedAt: Int64?
        var isDraining = false
    }

    private let state: Mutex<State>
    private let pressure: @Sendable () -> AdmissionControl.Pressure
    private let milliseconds: @Sendable () -> Int64
    private let strain: @Sendable (Bool) -> Void

    /// An open gate.
    /// - Parameters:
    ///   - pressure: how much accepted work there is; asked every few milliseconds while requests come.
    ///   - strain: told with every look at the pressure whether somebody was refused of late, so that what works behind the gate may do more at a time.
    ///   - milliseconds: a clock that never goes back.
    public init(
        configuration: AdmissionControl.Configuration = .init(), pressure: @escaping @Sendable () -> AdmissionControl.Pressure,
        strain: @escaping @Sendable (Bool) -> Void = { _ in }, milliseconds: @escaping @Sendable () -> Int64 = AdmissionGate.uptime
    ) {
        state = Mutex(State(control: AdmissionControl(configuration: configuration)))
        (self.pressure, self.strain, self.milliseconds) = (pressure, strain, milliseconds)
    }

    /// Milliseconds of the machine's monotonic clock.
    public static let uptime: @Sendable () -> Int64 = {
        let begin = ContinuousClock.now
        return { Int64((ContinuousClock.now - begin) / .milliseconds(1)) }
    }()

    /// Whether the platform is being shut down: then every answer asks its client to go elsewhere.
    public var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Notes that the platform is being shut down.
    public func drain() { state.withLock { $0.isDraining = true } }

    /// Decides on a request. Who is let in must ``leave(_:)``.
    func enter(_ kind: AdmissionControl.Kind) -> Result<Entry, Refused> {
        let now = milliseconds()
        sample(at: now, ifOlderThan: AdmissionGate.sampleMilliseconds)
        return state.withLock { state in
            if let reason = state.control.enter(kind) { return .failure(AdmissionGate.refuse(reason, &state)) }
            state.admitted[kind, default: 0] += 1
            return .success(Entry(kind: kind, begin: now))
        }
    }

    /// Decides on a request before it is read. Who is not refused here must still ``enter(_:)``.
    func refusal(of kind: AdmissionControl.Kind) -> Refused? {
        sample(at: milliseconds(), ifOlderThan: AdmissionGate.refusalSampleMilliseconds)
        return state.withLock { state in state.control.refusal(of: kind).map { AdmissionGate.refuse($0, &state) } }
    }

    /// Whether a request would be refused by what is known; neither looks at the pressure nor counts.
    func wouldRefuse(_ kind: AdmissionControl.Kind) -> Bool { state.withLock { $0.control.refusal(of: kind) != nil } }

    /// Notes that a request has been answered.
    func leave(_ entry: Entry) {
        let elapsed = max(0, milliseconds() - entry.begin)
        state.withLock { $0.control.leave(entry.kind, after: elapsed) }
    }

    /// A refusal as clients see it.
    static func problem(retryAfterSeconds: Int) -> Problem {
        .unavailable("The platform has more work than it can do; nothing was done. Try again.", retryAfterSeconds: retryAfterSeconds)
    }

    private static func refuse(_ reason: AdmissionControl.Refusal, _ state: inout State) -> Refused {
        state.rejected[reason, default: 0] += 1
        state.rejections &+= 1
        return Refused(reason: reason, retryAfterSeconds: pauses.lowerBound + state.rejections % pauses.count)
    }

    /// Reads the pressure outside the lock, because it takes others' locks; one caller does it for all.
    private func sample(at now: Int64, ifOlderThan age: Int64) {
        let isDue = state.withLock { state in
            if let last = state.sampledAt, now - last < age { return false }
            state.sampledAt = now
            return true
        }
        guard isDue else { return }
        let pressure = pressure()
        let isStrained = state.withLock { state in
            state.control.observe(pressure, at: now)
            if state.rejections != state.seenRejections { (state.seenRejections, state.strainedAt) = (state.rejections, now) }
            return state.strainedAt.map { now - $0 < AdmissionGate.strainMilliseconds } ?? false
        }
        strain(isStrained)
    }

    /// Shows the gate among the metrics.
    func register(in registry: PrometheusRegistry) {
        for kind in AdmissionControl.Kind.allCases {
            registry.registerCounter(name: "waybill_admission_admitted", help: "Requests that were let in.", labels: [("kind", kind.rawValue)]) {
                [weak self] in Double(self?.state.withLock { $0.admitted[kind] ?? 0 } ?? 0)
            }
            registry.registerGauge(name: "waybill_admission_in_flight", help: "Requests that are being answered.", labels: [("kind", kind.rawValue)]) {
                [weak self] in Double(self?.state.withLock { kind == .starting ? $0.control.starting : $0.control.other } ?? 0)
            }
        }
        for reason in AdmissionControl.Refusal.allCases {
            registry.registerCounter(name: "waybill_admission_rejected", help: "Requests that were refused.", labels: [("reason", reason.rawValue)]) {
                [weak self] in Double(self?.state.withLock { $0.rejected[reason] ?? 0 } ?? 0)
            }
        }
        registry.registerGauge(name: "waybill_admission_limit", help: "How much accepted work there may be before new work is refused.") {
            [weak self] in Double(self?.state.withLock { $0.control.limit } ?? 0)
        }
        registry.registerGauge(name: "waybill_admission_backlog", help: "Accepted work that is not done.") {
            [weak self] in Double(self?.state.withLock { $0.control.backlog } ?? 0)
        }
    }
}
