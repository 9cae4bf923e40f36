import Storage
import Wire

/// Hands a stored event to a consumer's handler once more, on somebody's word. Handlers answer a repetition with nothing (their state machines, keys and
/// tables see to it), so that it takes effect only where it had none; the inbox is passed by because it may know an event whose effect was lost.
public struct Redelivery: Sendable {
    private let handler: any EventHandler
    private let database: any Database
    private let context: ServiceContext

    /// For one consumer.
    public init(handler: any EventHandler, database: any Database, context: ServiceContext) {
        (self.handler, self.database, self.context) = (handler, database, context)
    }

    /// Applies an event in one transaction with its row in the log of deeds.
    /// - Throws: what the handler throws; then nothing has happened.
    public func deliver(_ event: Envelope, actor: String, action: String, before: String) async throws {
        let (handler, context) = (self.handler, self.context)
        try await database.write { transaction in
            try handler.react(to: [event], in: transaction, context: context)
            try AdminLog(context: context).record(
                actor: actor, action: action, subject: "order \(event.key)", before: before, after: "\(event.type) \(event.id) was handled", in: transaction)
        }
    }
}
