/// Bugs of the classic kinds that a simulation plants on purpose (promise M1): each must be caught, or the simulation proves nothing. They live here, in what surrounds
/// the services; the product has no switch for them.
public enum Mutant: String, CaseIterable, Sendable {
    /// A consumer applies what it has applied already.
    case noInbox = "no-inbox"
    /// A consumer acknowledges a batch before its effects are durable.
    case ackBeforeCommit = "ack-before-commit"
    /// A cancellation that comes before the order leaves no trace.
    case noTombstone = "no-tombstone"
    /// Every attempt to charge carries a key of its own.
    case freshKeyPerRetry = "fresh-key-per-retry"
    /// Inventory frees a reservation by its own clock.
    case holdFreedByInventory = "hold-freed-by-inventory"
    /// A consumer's position is the newest event of the producer, not the newest that it applied.
    case cursorOutbox = "cursor-outbox"
    /// Events are told, but not written with the change.
    case dualWrite = "dual-write"
    /// Payments ignores a cancellation while it is charging.
    case cancelIgnoredWhileCharging = "cancel-ignored-while-charging"
}
