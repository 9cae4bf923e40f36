import Contracts
import Wire

/// Where the work stands; touched by ``AuditKeeper/step()`` only, one at a time.
struct AuditPlan {
    var suspicions = Suspicions()
    /// The archive is read from here for what was touched.
    var archived: Int64?
    var recentAt: Timestamp?
    var sweepAfter: OrderID?
    var sweepBegun: Timestamp?
    var isSweeping = false
    var sweptSoFar = 0
    var sharedAt: Timestamp?
    /// Products that looked wrong at the last look.
    var products: [ProductID: ProductEvidence] = [:]
    var productsPace = Pace(every: 15_000)
    var sumsPace = Pace(every: 20_000)
    /// What the last step spent on these two, which have a pace of their own.
    var pacedMilliseconds: Int64 = 0
    var recheckAt: Timestamp?
    var isBusy = false

    /// When something that reads a whole table is done again: not before fifty times as long as it took have passed, and ten times that while the platform
    /// is busy.
    struct Pace {
        let every: Int64
        private var doneAt: Timestamp?
        private var spent: Int64 = 0

        init(every: Int64) { self.every = every }

        func isDue(at now: Timestamp, isBusy: Bool) -> Bool { now.isPast(doneAt, by: max(every, spent * (isBusy ? 500 : 50))) }
        mutating func note(_ spent: Int64, at now: Timestamp) { (self.spent, doneAt) = (spent, now) }
    }
}

extension Timestamp {
    /// Whether so many milliseconds have passed since a moment, or it never was.
    func isPast(_ moment: Timestamp?, by milliseconds: Int64) -> Bool {
        moment.map { self.milliseconds - $0.milliseconds >= milliseconds } ?? true
    }
}
