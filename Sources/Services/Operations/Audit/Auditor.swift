import Contracts
import Messaging
import Storage
import Wire

/// Who testifies. Those who are not there are not asked, and rules that need them are not applied.
public struct AuditWitnesses: Sendable {
    public var orders: any OrderWitness
    public var inventory: (any StockWitness)?
    public var payments: (any PaymentWitness)?
    public var provider: (any LedgerWitness)?
    public var notifications: (any NotificationWitness)?
    public var analytics: (any FactWitness)?
    /// The database of the archive of events.
    public var archive: (any Database)?

    public init(orders: any OrderWitness) { self.orders = orders }
}

/// What an audit looks at.
public struct AuditScope: Sendable {
    /// Which orders.
    public enum Orders: Sendable {
        case all
        case some([OrderID])
        /// So many orders behind one, for an audit in pieces.
        case part(after: OrderID?, count: Int)
    }

    public var orders: Orders
    /// Also products, traffic and sums.
    public var includesShared: Bool
    /// Nothing runs: what is wrong at the first look is wrong. Else a finding counts when it is there again a while later and nothing has moved.
    public var isStill: Bool

    public init(_ orders: Orders = .all, includesShared: Bool = true, isStill: Bool = false) {
        (self.orders, self.includesShared, self.isStill) = (orders, includesShared, isStill)
    }
}

/// Checks what the services and the payment provider have on record against the promises.
///
/// No view across databases is consistent while orders flow. So an order is judged by most rules only when nothing that concerns it is on its way, and a finding
/// counts only when it is there at two looks between which nothing changed; see `docs/audit.md`.
public final class Auditor: Sendable {
    /// The time between two looks at something that looks wrong.
    public static let patience: Duration = .seconds(2)
    static let patienceMilliseconds: Int64 = 2000
    private static let looks = 5
    private static let chunk = 500
    private static let maximumFindings = 10_000

    let witnesses: AuditWitnesses
    let archive: ArchiveOnRecord?
    private let traffic: TrafficReader
    private let context: ServiceContext
    private let present: Set<OrderEvidence.Witness>

    /// - Parameter traffic: the services whose events, jobs and timers are watched.
    public init(_ witnesses: AuditWitnesses, traffic: TrafficReader, context: ServiceContext) {
        (self.witnesses, self.traffic, self.context) = (witnesses, traffic, context)
        archive = witnesses.archive.map { ArchiveOnRecord(database: $0) }
        var present: Set<OrderEvidence.Witness> = []
        if witnesses.inventory != nil { present.insert(.inventory) }
        if witnesses.payments != nil { present.insert(.payments) }
        if witnesses.provider != nil { present.insert(.provider) }
        if witnesses.notifications != nil { present.insert(.notifications) }
        if witnesses.analytics != nil { present.insert(.analytics) }
        if witnesses.archive != nil { present.insert(.archive) }
        self.present = present
    }

    /// Audits once.
    /// - Parameter progress: called with the number of orders looked at so far.
    /// - Throws: ``StorageError``.
    public func audit(_ scope: AuditScope = AuditScope(), progress: @Sendable (Int) -> Void = { _ in }) async throws -> AuditReport {
        var report = AuditReport()
        var suspicions = Suspicions()
        if scope.includesShared { try await auditShared(&report, isStill: scope.isStill) }
        switch scope.orders {
        case .some(let ids): try await examine(ids.map { OrderRange($0) }, always: ids, scope, &suspicions, &report)
        case .all: report.next = try await sweep(after: nil, count: .max, scope, &suspicions, &report, progress)
        case .part(let after, let count): report.next = try await sweep(after: after, count: count, scope, &suspicions, &report, progress)
        }
        for _ in 1..<Auditor.looks where !suspicions.isEmpty {
            try await context.clock.sleep(for: Auditor.patience)
            for evidence in try await look(at: suspicions.orders.map { OrderRange($0) }, always: suspicions.orders) {
                report.findings += suspicions.consider(evidence, at: context.now)
            }
        }
        report.undecided = suspicions.orders
        return report
    }

    private func sweep(
        after start: OrderID?, count: Int, _ scope: AuditScope, _ suspicions: inout Suspicions, _ report: inout AuditReport,
        _ progress: @Sendable (Int) -> Void
    ) async throws -> OrderID? {
        var after = start
        while report.orders < count, report.findings.count < Auditor.maximumFindings {
            try Task.checkCancellation()
            let piece = try await piece(after: after, count: min(Auditor.chunk, count - report.orders))
            try await examine([piece.range], always: [], scope, &suspicions, &report)
            progress(report.orders)
            guard let next = piece.next else { return nil }
            after = next
        }
        return after
    }

    /// The range of the next orders behind one, up to the end of all ids where there are fewer; and where to go on.
    func piece(after: OrderID?, count: Int) async throws -> (range: OrderRange, next: OrderID?) {
        let boundary = try await witnesses.orders.boundary(after: after ?? OrderRange.all.first, count: count)
        return (OrderRange(after.map(\.successor) ?? OrderRange.all.first, through: boundary ?? OrderRange.all.last), boundary)
    }

    private func examine(
        _ ranges: [OrderRange], always ids: [OrderID], _ scope: AuditScope, _ suspicions: inout Suspicions, _ report: inout AuditReport
    ) async throws {
        for evidence in try await look(at: ranges, always: ids) {
            report.orders += 1
            if !evidence.isAtRest { report.moving += 1 }
            if scope.isStill {
                report.findings += AuditRules.findings(evidence, at: context.now)
            } else {
                report.findings += suspicions.consider(evidence, at: context.now)
            }
        }
    }

    private func auditShared(_ report: inout AuditReport, isStill: Bool) async throws {
        let now = context.now
        report.findings += AuditRules.findings(try await traffic.look(at: now), at: now)
        if let analytics = witnesses.analytics { report.findings += AuditRules.findings(sums: try await analytics.discrepancies()) }
        let (count, findings) = try await productFindings(isStill: isStill)
        report.products += count
        report.findings += findings
    }

    /// What is wrong with products, at two looks.
    func productFindings(isStill: Bool = false) async throws -> (count: Int, findings: [AuditFinding]) {
        let first = try await products()
        var suspects = first.filter { !AuditRules.findings($0).isEmpty }
        if !suspects.isEmpty, !isStill {
            try await context.clock.sleep(for: Auditor.patience)
            let second = Dictionary(try await products().map { ($0.product.id, $0) }, uniquingKeysWith: { first, _ in first })
            suspects = suspects.filter { second[$0.product.id] == $0 }
        }
        return (first.count, suspects.flatMap { AuditRules.findings($0) })
    }

    /// The counters of one service are one moment's; only how often adjustments were told is another's, and not compared while one is on its way.
    func products() async throws -> [ProductEvidence] {
        guard let inventory = witnesses.inventory else { return [] }
        let snapshot = try await traffic.look(at: context.now)
        let products = try await inventory.products()
        guard let archive, !snapshot.isBeyondSight else { return products.map { ProductEvidence(product: $0, toldAdjustments: nil) } }
        let moving = Set(snapshot.pending.map(\.key) + snapshot.parked.map(\.key) + snapshot.dead.map(\.key))
        let told = try await archive.adjustments(of: products.map(\.id))
        return zip(products, told).map { ProductEvidence(product: $0, toldAdjustments: moving.contains($0.id) ? nil : $1) }
    }

    /// What hangs in the traffic now.
    func trafficFindings() async throws -> [AuditFinding] {
        let now = context.now
        return AuditRules.findings(try await traffic.look(at: now), at: now)
    }

    /// Collects the evidence of the orders in some ranges, traffic first: see ``TrafficReader``.
    /// - Parameter ids: orders that are looked at even if nobody knows them.
    public func look(at ranges: [OrderRange], always ids: [OrderID] = []) async throws -> [OrderEvidence] {
        let snapshot = try await traffic.look(at: context.now)
        let facts = try await witnesses.analytics?.facts(in: ranges)
        // While Analytics counts anew, it has nothing to say.
        var file = EvidenceFile(witnesses: facts == nil ? present.subtracting([.analytics]) : present)
        for id in ids { file[id] = { _ in } }
        for fact in facts ?? [] { file[fact.orderID] = { $0.fact = fact } }
        for order in try await witnesses.orders.orders(in: ranges) { file[order.id] = { $0.order = order } }
        for row in try await witnesses.inventory?.reservations(in: ranges) ?? [] { file[row.orderID] = { $0.reservation = row } }
        for row in try await witnesses.payments?.payments(in: ranges) ?? [] { file[row.orderID] = { $0.payment = row } }
        for row in try await witnesses.provider?.entries(in: ranges) ?? [] { file[row.orderID] = { $0.ledger.append(row) } }
        for row in try await witnesses.notifications?.notifications(in: ranges) ?? [] { file[row.orderID] = { $0.notifications.append(row) } }
        for (order, events) in try await archive?.events(in: ranges) ?? [:] { file[order] = { $0.events = events } }
        return file.closed(with: snapshot)
    }
}

extension Identifier {
    /// The next one; the last is its own successor.
    fileprivate var successor: Identifier {
        if low != .max { return Identifier(high: high, low: low + 1) }
        return high == .max ? self : Identifier(high: high + 1, low: 0)
    }
}

/// Testimonies as they come in, put together by order.
private struct EvidenceFile {
    let witnesses: Set<OrderEvidence.Witness>
    private var evidence: [OrderEvidence] = []
    private var places: [OrderID: Int] = [:]

    init(witnesses: Set<OrderEvidence.Witness>) { self.witnesses = witnesses }

    /// Adds to an order's record.
    subscript(id: OrderID) -> (inout OrderEvidence.Record) -> Void {
        get { { _ in } }
        set {
            let place = places[id] ?? evidence.count
            if place == evidence.count {
                evidence.append(OrderEvidence(id: id, witnesses: witnesses))
                places[id] = place
            }
            newValue(&evidence[place].record)
        }
    }

    /// The file with what is on its way between the services.
    func closed(with snapshot: Traffic.Snapshot) -> [OrderEvidence] {
        var evidence = evidence
        for place in evidence.indices { evidence[place].isBeyondSight = snapshot.isBeyondSight }
        for event in snapshot.pending { if let place = places[event.key] { evidence[place].pending.append(event) } }
        for event in snapshot.parked { if let place = places[event.key] { evidence[place].parked.append(event) } }
        for event in snapshot.dead { if let place = places[event.key] { evidence[place].dead.append(event) } }
        for job in snapshot.jobs { if let place = places[job.key] { evidence[place].jobs.append(job) } }
        return evidence.sorted { $0.id < $1.id }
    }
}
