import Wire

/// The log of all events, from its beginning: what a rebuild reads.
public protocol EventHistory: Sendable {
    /// At most `limit` events behind a sequence number, in order; empty at the end of the log.
    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)]
}
