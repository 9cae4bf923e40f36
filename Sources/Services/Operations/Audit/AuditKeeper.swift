import Contracts
import Logging
import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Web
import Wire

/// Audits without end: orders that something happened to a few seconds ago, and all others in turn, at a cost that is bounded.
///
/// After every piece of work it rests in proportion to the time that the work took: a tenth of one core while the platform is quiet, a hundredth while it is
/// busy. `docs/audit.md` says what that means for the time until something is found.
public final class AuditKeeper: Service, CustomStringConvertible {
    /// A finding that stands.
    public struct Open: Sendable {
        public let finding: AuditFinding
        public let since: Timestamp
        /// Whether the platform can put it right by itself.
        public let isRepairable: Bool
    }

    /// How far it is.
    public struct Progress: Sendable {
        /// The end of the last piece of work.
        public var lastAt: Timestamp?
        /// The end of the last sweep over all orders, and how many there were.
        public var sweptAt: Timestamp?
        public var swept = 0
        /// How long it has worked since the start, waiting for databases included: an upper bound of its CPU time.
        public var workedMilliseconds: Int64 = 0
        public var open = OpenOrders(count: 0, overdue: 0, oldest: nil)
    }

    struct Key: Hashable, Sendable {
        let rule: String
        let subject: AuditFinding.Subject
    }

    struct State {
        /// Whether this process audits.
        var isAuditing = false
        var found: [Key: Open] = [:]
        /// What has been found or is gone since it was last written down.
        var unwritten: Set<Key> = []
        var progress = Progress()
    }

    private static let chunk = 500
    /// At most so many of the orders touched lately are looked at in a round; under load the others are left to the sweep.
    private static let recentLimit = 500
    /// So many events a second make the platform busy.
    private static let busyEvents = 200
    static let maximumOpen = 10_000

    private let auditor: Auditor
    let context: ServiceContext
    let logger: Logger
    let database: any Database
    let role: ProcessRole
    let state = Mutex(State())
    let plan = Mutex(AuditPlan())
    /// When the progress was last written down.
    let sharedAt = Mutex<Timestamp?>(nil)
    public let description = "audit"

    /// Keeps auditing with this auditor.
    /// - Parameter environment: that of Operations.
    public init(_ auditor: Auditor, _ environment: ServiceEnvironment) {
        (self.auditor, context, logger) = (auditor, environment.context, environment.logger)
        (database, role) = (environment.database, environment.role)
    }

    /// What stands, oldest first.
    public var open: [Open] { state.withLock { $0.found.values.sorted { ($0.since, $0.finding.rule) < ($1.since, $1.finding.rule) } } }
    /// How many findings of a rule stand; a gauge.
    public func count(of rule: String) -> Int { state.withLock { $0.found.keys.count { $0.rule == rule } } }
    public var progress: Progress { state.withLock { $0.progress } }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let begin = ContinuousClock.now
                do {
                    guard try await self.takesCharge() else {
                        try await self.context.clock.sleep(for: .seconds(5))
                        continue
                    }
                    try await self.step()
                    try await self.share()
                } catch is CancellationError { return } catch StorageError.closed { return } catch {
                    self.logger.error("the audit cannot go on", metadata: ["error": "\(error)"])
                }
                let worked = ContinuousClock.now - begin
                self.state.withLock { $0.progress.workedMilliseconds += Int64(worked / .milliseconds(1)) }
                let (isBusy, isSweeping, paced) = self.plan.withLock { ($0.isBusy, $0.isSweeping, $0.pacedMilliseconds) }
                let rest = (worked - .milliseconds(paced)) * (isBusy ? 99 : 9)
                try? await self.context.clock.sleep(for: min(.seconds(isBusy ? 20 : 5), max(isSweeping ? .milliseconds(100) : .seconds(1), rest)))
            }
        }
    }

    /// One piece of work: what is due, and the next orders of the sweep. The step that a simulation drives.
    public func step() async throws {
        var work = plan.withLock { $0 }
        defer { plan.withLock { $0 = work } }
        work.pacedMilliseconds = 0
        try await lookAtRecent(&work)
        try await lookAtShared(&work)
        try await lookAgain(&work)
        try await recheck(&work)
        try await sweep(&work)
        let now = context.now
        state.withLock { $0.progress.lastAt = now }
    }

    /// Orders that the archive has heard of since the last look. They have had time to come to rest by the second look, which alone decides.
    private func lookAtRecent(_ work: inout AuditPlan) async throws {
        let now = context.now
        guard let archive = auditor.archive, now.isPast(work.recentAt, by: 5000) else { return }
        let elapsed = work.recentAt.map { max(1, now.milliseconds - $0.milliseconds) } ?? 1
        work.recentAt = now
        let last = try await archive.last()
        guard let from = work.archived else {
            work.archived = last
            return
        }
        work.isBusy = (last - from) * 1000 / elapsed > Int64(AuditKeeper.busyEvents)
        let touched = try await archive.touched(after: from, limit: AuditKeeper.recentLimit)
        work.archived = last
        let ids = touched.keys.sorted()
        try await consider(auditor.look(at: ids.map { OrderRange($0) }), &work)
    }

    private func lookAtShared(_ work: inout AuditPlan) async throws {
        let now = context.now
        if now.isPast(work.sharedAt, by: 5000) {
            work.sharedAt = now
            let open = try await auditor.witnesses.orders.openSummary(at: now)
            state.withLock { $0.progress.open = open }
            replace({ $0.isOfTraffic }, with: try await auditor.trafficFindings())
        }
        // What looks wrong is looked at again soon.
        if work.productsPace.isDue(at: now, isBusy: work.isBusy) || !work.products.isEmpty {
            let spent = try await timed { try await lookAtProducts(&work) }
            work.productsPace.note(spent, at: now)
            work.pacedMilliseconds += spent
        }
        if let analytics = auditor.witnesses.analytics, work.sumsPace.isDue(at: now, isBusy: work.isBusy) {
            let spent = try await timed { replace({ $0.isOfSums }, with: AuditRules.findings(sums: try await analytics.discrepancies())) }
            work.sumsPace.note(spent, at: now)
            work.pacedMilliseconds += spent
        }
    }

    private func lookAtProducts(_ work: inout AuditPlan) async throws {
        let suspects = try await auditor.products().filter { !AuditRules.findings($0).isEmpty }
        let earlier = work.products
        let confirmed = suspects.filter { earlier[$0.product.id] == $0 }
        // What is found already needs no second look, and stands for as long as it looks wrong.
        close { key in (AuditRules.rule(key.rule)?.isOfProducts ?? false) && !suspects.contains { $0.breaks(key.rule, key.subject) } }
        for finding in confirmed.flatMap({ AuditRules.findings($0) }) { add(finding) }
        let found = state.withLock { Set($0.found.keys.map(\.subject)) }
        work.products = Dictionary(
            suspects.filter { !found.contains(.product($0.product.id)) }.map { ($0.product.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func timed(_ body: () async throws -> Void) async throws -> Int64 {
        let begin = ContinuousClock.now
        try await body()
        return Int64((ContinuousClock.now - begin) / .milliseconds(1))
    }

    /// The second look at what looked wrong.
    private func lookAgain(_ work: inout AuditPlan) async throws {
        let due = work.suspicions.due(at: context.now).prefix(AuditKeeper.chunk)
        if !due.isEmpty { try await consider(auditor.look(at: due.map { OrderRange($0) }, always: Array(due)), &work) }
    }

    /// What stands is looked at again, so that it is gone when it is put right.
    private func recheck(_ work: inout AuditPlan) async throws {
        let now = context.now
        guard now.isPast(work.recheckAt, by: 10_000) else { return }
        work.recheckAt = now
        let orders = state.withLock { state in
            Set(
                state.found.keys.compactMap { key -> OrderID? in
                    guard case .order(let id) = key.subject, !(AuditRules.rule(key.rule)?.isOfTraffic ?? false) else { return nil }
                    return id
                })
        }
        guard !orders.isEmpty else { return }
        let ids = orders.sorted()
        for evidence in try await auditor.look(at: ids.map { OrderRange($0) }, always: ids) where evidence.isAtRest {
            let rules = Set(AuditRules.findings(evidence, at: now).map(\.rule))
            close { key in key.subject == .order(evidence.id) && !rules.contains(key.rule) && !(AuditRules.rule(key.rule)?.isOfTraffic ?? false) }
        }
    }

    private func sweep(_ work: inout AuditPlan) async throws {
        let now = context.now
        if !work.isSweeping {
            guard now.isPast(work.sweepBegun, by: 40_000) else { return }
            (work.isSweeping, work.sweepBegun, work.sweepAfter, work.sweptSoFar) = (true, now, nil, 0)
        }
        let piece = try await auditor.piece(after: work.sweepAfter, count: AuditKeeper.chunk)
        let evidence = try await auditor.look(at: [piece.range])
        work.sweptSoFar += evidence.count
        consider(evidence, &work)
        work.sweepAfter = piece.next
        guard piece.next == nil else { return }
        work.isSweeping = false
        let swept = work.sweptSoFar
        state.withLock { ($0.progress.sweptAt, $0.progress.swept) = (context.now, swept) }
    }

    private func consider(_ evidence: [OrderEvidence], _ work: inout AuditPlan) {
        for evidence in evidence { for finding in work.suspicions.consider(evidence, at: context.now) { add(finding) } }
    }
}

extension ProductEvidence {
    fileprivate func breaks(_ rule: String, _ subject: AuditFinding.Subject) -> Bool {
        subject == .product(product.id) && AuditRules.findings(self).contains { $0.rule == rule }
    }
}
