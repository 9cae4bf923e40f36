import Contracts

/// The work that Payments has with its provider; one row each in its table of jobs.
enum Errand: UInt8, CaseIterable {
    case charge, void, refund
}

/// A row of the jobs table, and what is under way because of it.
struct Work: Hashable {
    /// Where the worker's present attempt stands.
    enum Call: UInt8 {
        case none
        /// The question is on its way to the provider. For a void: the one that makes or finds the intent.
        case asked
        /// For a void: the intent was found open, the question to give it up is on its way.
        case cancelling
        /// The answer is in the worker's memory and recorded nowhere yet.
        case captured, declined, cancelled, refunded
    }

    /// The row is there.
    var isDue = false
    var call = Call.none
    /// Attempts begun.
    var sends: UInt8 = 0
    /// Questions still on their way whose worker has given up or crashed; their answers reach nobody.
    var strays: UInt8 = 0
    /// The same for a void's second question.
    var cancellingStrays: UInt8 = 0
}

/// A durable log: what one service said of the order, as words of the vocabulary, one byte each.
struct EventLog: Hashable {
    private(set) var bytes: UInt64 = 0
    private(set) var count: UInt8 = 0

    mutating func append(_ word: UInt8) {
        precondition(count < 8, "a service said more than eight things of one order")
        bytes |= UInt64(word) << (UInt64(count) * 8)
        count += 1
    }

    subscript(place: UInt8) -> UInt8 { UInt8(truncatingIfNeeded: bytes >> (UInt64(place) * 8)) }
}

/// An event that failed too often at one listener, and was passed over.
struct DeadLetter: Hashable {
    let channel: UInt8
    let place: UInt8
}

/// Everything that is true of one order at one moment, in all services, at the provider, on the way between them, and in the memory of the worker.
struct Course: Hashable {
    var kind = OrderKind.card
    /// Number of the order's state in the table of ``Services``; 0 before it is placed.
    var order: UInt8 = 0
    /// Number of the reservation's state.
    var reservation: UInt8 = 0
    /// Number of the payment's state.
    var payment: UInt8 = 0
    /// What the customer was told, a bit per kind.
    var told: UInt8 = 0
    /// Faults that may still happen to a naive design.
    var faults: UInt8 = 0
    /// Events that may still become dead letters.
    var poison: UInt8 = 0
    /// The dead letter that waits to be redriven.
    var deadLetter: DeadLetter?
    var charge = Work()
    var void = Work()
    var refund = Work()
    var provider = ProviderModel()
    var ordersLog = EventLog()
    var inventoryLog = EventLog()
    var paymentsLog = EventLog()
    /// How far every listener has come, a byte per channel.
    private var positions: UInt64 = 0

    subscript(_ errand: Errand) -> Work {
        get {
            switch errand {
            case .charge: charge
            case .void: void
            case .refund: refund
            }
        }
        set {
            switch errand {
            case .charge: charge = newValue
            case .void: void = newValue
            case .refund: refund = newValue
            }
        }
    }

    func log(of service: Choreography.Participant) -> EventLog {
        switch service {
        case .orders: ordersLog
        case .inventory: inventoryLog
        case .payments: paymentsLog
        case .notifications, .analytics, .operations: EventLog()
        }
    }

    mutating func append(_ word: UInt8, by service: Choreography.Participant) {
        switch service {
        case .orders: ordersLog.append(word)
        case .inventory: inventoryLog.append(word)
        case .payments: paymentsLog.append(word)
        case .notifications, .analytics, .operations: break
        }
    }

    /// How many words of its channel's log a listener is done with.
    func position(_ channel: Int) -> UInt8 { UInt8(truncatingIfNeeded: positions >> (UInt64(channel) * 8)) }
    mutating func advance(_ channel: Int) { positions += 1 << (UInt64(channel) * 8) }
}

/// A service's log with one of its listeners.
struct Channel: Hashable {
    let producer: Choreography.Participant
    let listener: Choreography.Participant
}
