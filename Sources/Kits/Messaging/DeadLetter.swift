import Wire

/// An event that a consumer could not apply, with what became of it.
public struct DeadLetter: Sendable {
    /// What may become of a dead letter. It is never deleted by hand: closed ones are kept for 30 days.
    public enum State: Int64, Sendable, CaseIterable {
        /// Waits for somebody.
        case open = 0
        /// Was applied after all, as it was or edited.
        case redriven = 1
        /// Was put aside, with a reason.
        case archived = 2

        /// The state's name on the wire.
        public var name: String { "\(self)" }
    }

    /// The consumer that could not apply it.
    public let consumer: String
    /// The event's own id.
    public let eventID: Identifier
    /// The order's id, or the product's for stock events.
    public let key: Identifier
    /// The event's type.
    public let type: String
    /// The topic of its kind's dead letters, `{topic}.DLQ`.
    public let topic: String
    /// The event's JSON; after an edit the edited one.
    public let body: [UInt8]
    /// The JSON before it was edited; nil if it never was.
    public let original: [UInt8]?
    /// How often it was tried before it was given up.
    public let attempts: Int64
    /// How the last attempt ended.
    public let error: String
    /// The error without what differs from event to event.
    public let errorGroup: String
    /// When it failed first.
    public let parkedAt: Timestamp
    /// When it was given up.
    public let diedAt: Timestamp
    /// Where it stands.
    public let state: State
    /// Counts its changes; who edits names the one he saw.
    public let version: Int64
    /// When it was redriven or archived; nil while it is open.
    public let closedAt: Timestamp?
    /// Who did that.
    public let closedBy: String?
    /// The reason that was given for archiving it.
    public let closedBecause: String?

    /// Its name in URLs: an event can be dead in two consumers.
    public var id: DeadLetterID { DeadLetterID(consumer: consumer, eventID: eventID) }
}

/// The name of a dead letter: `{consumer}:{eventId}`.
public struct DeadLetterID: Sendable, Hashable, CustomStringConvertible {
    /// The consumer that could not apply it.
    public let consumer: String
    /// The event's own id.
    public let eventID: Identifier
    public var description: String { "\(consumer):\(eventID)" }

    public init(consumer: String, eventID: Identifier) { (self.consumer, self.eventID) = (consumer, eventID) }

    /// Reads the text form; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex, let id = Identifier(text[text.index(after: colon)...]) else { return nil }
        (consumer, eventID) = (String(text[..<colon]), id)
    }

    /// The order of lists: newest event first, the consumers of one event by name.
    public static func isListed(_ a: DeadLetterID, before b: DeadLetterID) -> Bool {
        a.eventID != b.eventID ? a.eventID > b.eventID : a.consumer < b.consumer
    }
}

/// One attempt at an event.
public struct DeadLetterAttempt: Sendable, Equatable {
    /// Counts from 1.
    public let attempt: Int64
    /// When it was made.
    public let at: Timestamp
    /// How it ended.
    public let error: String
}

/// Which dead letters are meant.
public struct DeadLetterFilter: Sendable {
    /// Only events of this type.
    public var type: String?
    /// A part of the error's text.
    public var error: String?
    /// Only this order's.
    public var key: Identifier?
    /// Died at or after.
    public var from: Timestamp?
    /// Died before.
    public var to: Timestamp?
    /// Nil for all.
    public var state: DeadLetter.State? = .open

    /// All open ones.
    public init() {}
}

/// Dead letters of one consumer, type and error, counted.
public struct DeadLetterGroup: Sendable {
    /// The consumer that could not apply it.
    public let consumer: String
    /// The event's type.
    public let type: String
    /// The error without what differs from event to event.
    public let errorGroup: String
    /// How many there are.
    public let count: Int64
    /// When the first of them was given up.
    public let oldest: Timestamp
    /// When the last of them was given up.
    public let newest: Timestamp
    /// One of them.
    public let example: Identifier
}

/// Why something cannot be done to a dead letter. A refusal, not a failure: nothing was changed but the letter's history.
public enum DeadLetterRefusal: Error, Sendable {
    case unknown
    /// Somebody was first.
    case closed(DeadLetter)
    /// It is not the version that was looked at.
    case changed(DeadLetter)
    /// An earlier event of the same order lies dead: order within the order would be lost.
    case behind(DeadLetterID)
    /// The edited event is none, or has another identity.
    case unfit(pointer: String, detail: String)
    /// The handler threw; the letter stays open with one more attempt in its history.
    case failed(DeadLetter)
}
