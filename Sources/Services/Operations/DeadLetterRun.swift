import Messaging
import Wire

/// One redrive of many dead letters, and how far it is.
struct DeadLetterRun: Sendable {
    enum State: String, Sendable {
        case running
        case finished
        /// Too many failed in a row, or the storage is not available.
        case stopped
        /// Somebody ended it.
        case cancelled
        /// The process was shut down.
        case interrupted
    }

    let id: Identifier
    let actor: String
    let query: DeadLetterQuery
    let ratePerSecond: Int
    let stopAfter: Int
    let startedAt: Timestamp
    /// How many there were when it began.
    let total: Int64
    var state = State.running
    var finishedAt: Timestamp?
    var redriven = 0
    var failed = 0
    /// Closed by somebody else meanwhile, or behind one that failed.
    var skipped = 0
    /// Failures without a success between them.
    var failedInARow = 0
    /// Why it stopped, or how the last failure ended.
    var lastError: String?
    /// Where it is: the consumer's place among those that are meant, and the last letter looked at there.
    var desk = 0
    var place: DeadLetter?

    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("state", state.rawValue)
        json.member("actor", actor)
        json.member("total", total)
        json.member("redriven", redriven)
        json.member("failed", failed)
        json.member("skipped", skipped)
        json.member("rate", ratePerSecond)
        json.member("stopAfter", stopAfter)
        json.optional("lastError", lastError)
        json.member("startedAt", startedAt)
        json.optional("finishedAt", finishedAt)
        json.key("filter")
        json.object { json in
            json.optional("consumer", query.consumer)
            json.optional("type", query.filter.type)
            json.optional("error", query.filter.error)
            json.optional("orderId", query.filter.key)
            json.optional("from", query.filter.from)
            json.optional("to", query.filter.to)
        }
    }
}
