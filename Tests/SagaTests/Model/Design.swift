/// What is built: the right design, or one with a well-known mistake in it. Each mistake is a switch that only tests can turn.
enum Design: String, CaseIterable {
    case right
    /// A redelivered event is handled as if it were the first of its order: neither inbox nor business uniqueness.
    case noDeduplication
    /// A cancellation that comes first leaves no trace.
    case noTombstone
    /// A cancellation while the provider is asked is answered at once, because nothing was taken yet.
    case cancelIgnoredWhileCharging
    /// Every attempt at a charge has an idempotency key of its own.
    case freshKeyPerAttempt
    /// The position in the log is stored before the effect, so that a crash between them loses the event.
    case acknowledgeBeforeCommit
    /// The state is committed and the event published afterwards, so that a crash between them loses the event.
    case dualWrite
    /// Inventory frees stock by its own clock.
    case holdsExpire
    /// "Not found" at the provider counts as given up; no intent is left that would refuse a late capture.
    case noFence
    /// The relay reads its outbox past the highest number seen, though a lower one may be committed later.
    case cursorOutbox
    /// The inbox alone is missing; the machines are as they are. Not a mistake that is found: they absorb redeliveries by themselves.
    case noInbox

    /// The naive designs: each must be found out.
    static let naive: [Design] = allCases.filter { $0 != .right && $0 != .noInbox }

    /// How often the fault that the mistake does not survive may happen.
    var faults: UInt8 {
        switch self {
        case .noDeduplication, .acknowledgeBeforeCommit, .dualWrite, .cursorOutbox: 1
        case .noInbox: 2
        case .right, .noTombstone, .cancelIgnoredWhileCharging, .freshKeyPerAttempt, .holdsExpire, .noFence: 0
        }
    }

    /// In words, for the document.
    var title: String {
        switch self {
        case .right: "The right design"
        case .noDeduplication: "No deduplication"
        case .noTombstone: "No tombstone for a cancellation that comes first"
        case .cancelIgnoredWhileCharging: "A cancellation is ignored while charging"
        case .freshKeyPerAttempt: "A fresh idempotency key per attempt"
        case .acknowledgeBeforeCommit: "Acknowledged before the commit"
        case .dualWrite: "Dual write: no outbox"
        case .holdsExpire: "Inventory frees stock by its own clock"
        case .noFence: "\"Not found\" at the provider counts as given up"
        case .cursorOutbox: "The outbox is read past a cursor"
        case .noInbox: "No inbox, the machines as they are"
        }
    }
}

/// How much of the world is explored.
struct Scope {
    /// The kinds of orders that may be placed.
    var kinds: [OrderKind] = OrderKind.allCases
    /// How often a job may ask the provider; a question may be lost as long as another may follow.
    var sends: UInt8 = 2
    /// Whether customers are told.
    var tells = true
    /// How many events may become dead letters, and be redriven after those behind them.
    var deadLetters: UInt8 = 0

    static let whole = Scope()
    /// What two orders are explored with: one attempt per job, so that no question is lost, and nobody is told.
    static let narrow = Scope(sends: 1, tells: false)
}

/// What is ordered: the differences that the services act on.
enum OrderKind: UInt8, CaseIterable {
    /// Something is charged.
    case card
    /// The total is 0.
    case free
    /// An operator records the payment.
    case offline
    /// The total is 0, and an operator may record it nevertheless.
    case freeOffline

    var isFree: Bool { self == .free || self == .freeOffline }
    var isOffline: Bool { self == .offline || self == .freeOffline }
}
