import Wire

/// A payment provider that keeps an intent per key: one is made, then captured or cancelled, and a cancelled one refuses a late capture by itself
/// (RELIABILITY, trap 6). Every call carries a key that is the same at every repetition; the provider answers a repetition as it did before.
public protocol PaymentProvider: Sendable {
    /// Makes an intent to take an amount, or finds the one made with this key. Nothing is taken.
    /// - Throws: anything: the outcome is unknown, and the same call is made again later (promise S17).
    func createIntent(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent
    /// Makes the intent or finds it, and takes the amount, in one call as providers offer it. A repetition tells what became of it; a cancelled intent
    /// stays cancelled.
    func charge(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent
    /// Gives the intent up if nothing was taken; tells `captured` when that was too late.
    func cancel(_ intentID: Identifier, timeout: Duration) async throws -> PaymentIntent
    /// Gives a captured amount back, once per key.
    func refund(_ intentID: Identifier, key: Identifier, amount: Money, timeout: Duration) async throws -> PaymentIntent
}

/// An intent as the provider knows it.
public struct PaymentIntent: Sendable, Equatable {
    /// What became of it.
    public enum Status: String, Sendable, CaseIterable {
        case created, captured, declined, cancelled
    }
    public let id: Identifier
    public let status: Status
    public let amount: Money
    public let refunded: Money
    /// Why it was declined.
    public let reason: String?

    public init(id: Identifier, status: Status, amount: Money, refunded: Money, reason: String?) {
        (self.id, self.status, self.amount, self.refunded, self.reason) = (id, status, amount, refunded, reason)
    }
}
