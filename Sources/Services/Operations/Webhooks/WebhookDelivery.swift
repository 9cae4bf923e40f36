import Wire

/// One message to one endpoint, and how far it is.
struct WebhookDelivery: Sendable {
    enum State: Int64, Sendable {
        case pending = 0
        case delivered = 1
        /// Given up.
        case failed = 2

        var name: String {
            switch self {
            case .pending: "pending"
            case .delivered: "delivered"
            case .failed: "failed"
            }
        }

        init?(name: String) {
            guard let state = [State.pending, .delivered, .failed].first(where: { $0.name == name }) else { return nil }
            self = state
        }
    }

    /// The `webhook-id` of the message: the same at every attempt, and when it is sent again.
    let id: Identifier
    let webhook: Identifier
    /// The event's place in the archive; 0 for a message that is no event.
    var sequence: Int64 = 0
    var eventID: Identifier?
    /// What messages are in order by: the event's order, or the message itself.
    let key: Identifier
    let type: String
    /// The whole message, where it is no event.
    var body: [UInt8]?
    var state = State.pending
    /// All attempts so far.
    var attempts: Int64 = 0
    /// Attempts since it was asked for the last time.
    var tries: Int64 = 0
    var dueAt: Timestamp
    let createdAt: Timestamp
    var finishedAt: Timestamp?
    /// What the last attempt came to.
    var status: Int64?
    var error: String?

    /// The identity of an event's message to an endpoint: it can be found again when it is asked for once more, also after it was pruned, and receivers know it.
    static func id(of event: Identifier, for webhook: Identifier) -> Identifier {
        let mixed = (event.low ^ webhook.low ^ webhook.high &* 0x9E37_79B9_7F4A_7C15) & 0x3FFF_FFFF_FFFF_FFFF
        return Identifier(high: event.high, low: mixed | 0x8000_0000_0000_0000)
    }

    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("type", type)
        json.optional("eventId", eventID)
        if eventID != nil { json.member("orderId", key) }
        json.member("state", state.name)
        json.member("attempts", attempts)
        json.member("createdAt", createdAt)
        if state == .pending { json.member("nextAttemptAt", dueAt) }
        json.optional("finishedAt", finishedAt)
        if let status { json.member("lastStatus", status) }
        json.optional("lastError", error)
    }
}

/// What came of one attempt.
struct WebhookAttempt: Sendable {
    /// How much of an answer is kept.
    static let maximumAnswer = 1024

    let number: Int64
    let at: Timestamp
    let milliseconds: Int64
    /// Nil when there was no answer.
    let status: Int64?
    /// Why there was none.
    let error: String?
    /// The first bytes of the answer's body, as text.
    let answer: String?

    func write(to json: inout JSONWriter) {
        json.member("attempt", number)
        json.member("at", at)
        json.member("durationMs", milliseconds)
        if let status { json.member("status", status) }
        json.optional("error", error)
        json.optional("answer", answer)
    }

    /// What an endpoint answered, made fit to be kept and shown: no control characters, and what is no UTF-8 replaced.
    static func text(_ body: [UInt8]) -> String? {
        guard !body.isEmpty else { return nil }
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: body.prefix(maximumAnswer), as: UTF8.self).unicodeScalars {
            let isPlain = scalar.value >= 32 && scalar.value != 127 || scalar == "\n" || scalar == "\t"
            text.append(isPlain ? scalar : "\u{FFFD}")
        }
        return String(text)
    }
}
