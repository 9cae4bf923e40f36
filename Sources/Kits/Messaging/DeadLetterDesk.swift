import Wire

/// The dead letters of one consumer, and what may be done to them. A port: in one process it is the consumer's own database, in a split deployment a call.
public protocol DeadLetterDesk: Sendable {
    /// The consumer's name.
    var consumer: String { get }

    /// Dead letters behind a place in the list's order, newest first.
    func list(_ filter: DeadLetterFilter, after place: DeadLetterID?, limit: Int) async throws -> [DeadLetter]
    /// The oldest dead letters first, as they are to be redriven, behind one of them.
    func oldest(_ filter: DeadLetterFilter, after place: DeadLetter?, limit: Int) async throws -> [DeadLetter]
    /// Counted by type and error, the most first.
    func groups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup]
    /// One with its history; nil if there is none.
    func find(_ event: Identifier) async throws -> DeadLetterFile?

    /// Has the handler apply the event in one transaction with the closing of the letter.
    /// - Parameters:
    ///   - edit: what is to be applied instead of the event as it was.
    ///   - note: why, or in the course of what; kept in the record of actions.
    func redrive(_ event: Identifier, edit: DeadLetterEdit?, by actor: String, note: String?) async throws -> Result<DeadLetter, DeadLetterRefusal>
    /// Has the handler apply the event in a transaction that is rolled back.
    func rehearse(_ event: Identifier, edit: DeadLetterEdit?) async throws -> Result<Rehearsal, DeadLetterRefusal>
    /// Puts a letter aside.
    func archive(_ event: Identifier, reason: String, by actor: String) async throws -> Result<DeadLetter, DeadLetterRefusal>

    /// What administrators did in this consumer's database, newest first, before an action.
    func actions(_ filter: AdminActionFilter, before id: Identifier?, limit: Int) async throws -> [AdminAction]
}

/// A dead letter with all that is known of it.
public struct DeadLetterFile: Sendable {
    public let letter: DeadLetter
    public let attempts: [DeadLetterAttempt]
    /// How many later events of the same order are parked.
    public let parkedBehind: Int
    /// The open dead letter of the same order that has to be dealt with first.
    public let behind: DeadLetterID?
}

/// An edited event.
public struct DeadLetterEdit: Sendable {
    /// The whole event as JSON.
    public let body: [UInt8]
    /// The version of the letter that the editor saw; nil if he does not care.
    public let version: Int64?

    public init(body: [UInt8], version: Int64?) { (self.body, self.version) = (body, version) }
}
