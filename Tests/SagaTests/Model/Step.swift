import Orders

/// One thing that may happen to an order.
enum Step: Hashable {
    /// A customer places it.
    case place(OrderKind)
    /// A person wants something of it, or its deadline passes.
    case wish(OrderState.Input)
    /// A listener takes the next event of a channel. For a request of stock it matters whether there is enough.
    case hear(channel: Int, isCovered: Bool)
    /// A listener gets an event that it has had already.
    case hearAgain(channel: Int, place: UInt8, isCovered: Bool)
    /// An event failed at a listener as often as it may, and becomes a dead letter; those behind it go on.
    case bury(channel: Int)
    /// A person has a dead letter delivered after all.
    case redrive(isCovered: Bool)
    /// A listener stores that it has had an event, and crashes before its effect is stored.
    case acknowledgeAndCrash(channel: Int)
    /// The worker asks the provider.
    case ask(Errand)
    /// The provider hears the worker's question. A charge depends on what the bank says.
    case answer(Errand, approves: Bool)
    /// The provider hears a question of which the worker knows nothing any more.
    case answerStray(Errand, isCancelling: Bool, approves: Bool)
    /// The worker waits no longer for an answer. The question is lost, or travels on.
    case giveUp(Errand, travelsOn: Bool)
    /// The process of Payments ends; what it holds in memory is gone, what it sent travels on.
    case crash
    /// The worker writes the answer down.
    case record(Errand)
    /// Inventory frees stock by its own clock.
    case expireHold
}

/// What a step leads to.
struct Outcome {
    var course: Course
    /// What happened to the stock.
    var effect = ReservationEffect.nothing
    /// Whether there must be enough stock for the step, or must not; nil where it does not matter.
    var needsStock: Bool?
    /// The words that were said.
    var said: [UInt8] = []
    /// Whether what was said never reached the log.
    var isSaidLost = false
    /// Why the step itself breaks a promise.
    var fault: String?
}

/// Things that must have happened during an exploration, so that it cannot pass by exploring nothing (RELIABILITY, M2).
enum Mark: String, CaseIterable {
    case cancelledWhileCharging = "cancelled while charging"
    case cancelOvertook = "a cancellation overtook the reservation that it cancels"
    case cancelMetFailure = "a cancellation and a refusal crossed"
    case paymentOvertook = "the news of the payment overtook that of the reservation"
    case offlineOvertook = "a payment made elsewhere overtook the reservation"
    case deadline = "the deadline passed"
    case lateChargeRefused = "a late charge met an intent that was given up"
    case cancelledTooLate = "a cancellation found the total taken"
    case unknownWasCaptured = "an unknown charge turned out to be taken"
    case unknownWasDeclined = "an unknown charge turned out to be declined"
    case crashed = "Payments crashed while it asked the provider"
    case refundRepeated = "a refund was asked for twice"
    case cancelFoundNothing = "a cancellation came to Inventory before the order"
    case redrivenLate = "a dead letter was redriven after an event that had stood behind it"
    case lastUnitContested = "two orders wanted the last unit"
}
