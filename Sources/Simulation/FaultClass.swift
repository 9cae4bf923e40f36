/// What can go wrong in a run. How often is drawn anew for each run, so that some runs see one kind of trouble only and some all at once.
public enum FaultClass: String, CaseIterable, Sendable, Comparable {
    /// The process dies between steps, and before and after the commits of its databases.
    case crash
    /// Events reach a consumer a second time.
    case duplicate
    /// Committed events are handed over late, sources out of step with each other.
    case delay
    /// The sources of a batch are interleaved in another way; the events of one order, and those of one source, keep their order.
    case reorder
    /// Feeds so small that events are dropped from memory and must be read from the outbox.
    case loss
    /// The provider's requests or replies are lost, slow, or come after the caller gave up.
    case provider
    /// Clients lose answers, submit twice, reuse keys, cancel at any time.
    case client
    /// The wall clock jumps.
    case clock
    /// A commit fails because the disk is full or busy.
    case storage
    /// Handlers throw for an event, once or a few times.
    case poison
    /// Notifications cannot be sent.
    case channel
    /// The producers are of the next release, some consumers are not, until all are updated at the end.
    case update

    public static func < (a: FaultClass, b: FaultClass) -> Bool { a.rawValue < b.rawValue }
}

/// How often each fault happens in one run, per mille of its occasions.
struct FaultRates {
    private var rates: [FaultClass: Int] = [:]

    /// Draws a rate for each class: never, seldom, often.
    init(_ classes: Set<FaultClass>, _ choices: ChoiceTape) {
        for fault in FaultClass.allCases {
            let rate = choices.pick([0, 5, 20, 60, 150])
            if classes.contains(fault) { rates[fault] = rate }
        }
    }

    subscript(fault: FaultClass) -> Int { rates[fault] ?? 0 }

    /// From now on nothing goes wrong.
    mutating func heal() { rates = [:] }
}
