import Contracts
import Messaging
import Storage
import Wire

/// A payment provider for development and tests, with a durable ledger of its own as a real one has: what it took is known from it, not from us.
///
/// The method of an intent decides what happens: `test_approve`, `test_decline`, `test_insufficient_funds`, `test_timeout` (the amount is taken and the first
/// reply is lost), `test_slow` (the reply takes three seconds). Any other method is declined as unknown.
public final class SimulatedPaymentProvider: PaymentProvider {
    /// The methods that the simulator knows.
    public enum Method: String, Sendable, CaseIterable {
        case approve = "test_approve"
        case decline = "test_decline"
        case insufficientFunds = "test_insufficient_funds"
        case timeout = "test_timeout"
        case slow = "test_slow"
    }

    /// How long `test_slow` takes.
    public static let slowness: Duration = .seconds(3)
    /// How long a caller waits at most for a lost reply, whatever its own timeout.
    private static let longestWait: Duration = .seconds(2)

    /// A charge that is asked for.
    private struct Request: Sendable {
        let key: Identifier
        let orderID: OrderID
        let amount: Money
        let method: String
    }
    /// An intent, and whether it was charged just now for the first time.
    private typealias Charged = (intent: PaymentIntent, isFirst: Bool)

    let ledger: any Database
    private let context: ServiceContext
    private let charges: SharedWrite<Request, Charged>

    /// A provider that keeps its ledger in this database; call ``open()`` first.
    public init(ledger: any Database, context: ServiceContext) {
        (self.ledger, self.context) = (ledger, context)
        charges = SharedWrite(ledger) { try SimulatedPaymentProvider.charge($0, in: $1, context: context) }
    }

    /// Whose database the ledger is.
    public static let owner = "payment-provider"
    /// The schema of that database.
    public static let migrations = ProviderLedger.migrations

    /// Brings the ledger's schema up to date.
    public func open() async throws { try await ledger.migrate(SimulatedPaymentProvider.migrations, owner: SimulatedPaymentProvider.owner) }

    public func createIntent(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        let context = self.context
        return try await ledger.write { transaction in
            if let known = try ProviderLedger.find(keys: [key], in: transaction)[key] { return known.intent }
            let now = context.now
            let intent = PaymentIntent(
                id: context.newID(at: now), status: .created, amount: amount, refunded: Money(minorUnits: 0, currency: amount.currency), reason: nil)
            try ProviderLedger.insert([(ProviderLedger.Entry(intent: intent, orderID: orderID, method: method), key: key)], at: now, in: transaction)
            return intent
        }
    }

    public func charge(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        let (intent, isFirst) = try await charges.add(Request(key: key, orderID: orderID, amount: amount, method: method))
        if isFirst { try await delay(method, timeout) }
        return intent
    }

    /// Charges whatever is asked for at the same time; a key once.
    private static func charge(_ requests: [Request], in transaction: any Transaction, context: ServiceContext) throws -> [Charged] {
        var known = try ProviderLedger.find(keys: requests.map(\.key), in: transaction)
        let now = context.now
        var inserts: [(ProviderLedger.Entry, key: Identifier)] = []
        var updates: [ProviderLedger.Entry] = []
        var records: [ProviderLedger.Record] = []
        let answers: [Charged] = requests.map { request in
            let earlier = known[request.key]
            if let earlier, earlier.intent.status != .created { return (earlier.intent, false) }
            let (status, reason) = decision(request.method)
            let amount = earlier?.intent.amount ?? request.amount
            let intent = PaymentIntent(
                id: earlier?.intent.id ?? context.newID(at: now), status: status, amount: amount, refunded: Money(minorUnits: 0, currency: amount.currency),
                reason: reason)
            let entry = ProviderLedger.Entry(intent: intent, orderID: request.orderID, method: request.method)
            if earlier == nil { inserts.append((entry, request.key)) } else { updates.append(entry) }
            records.append(ProviderLedger.Record(entry, status == .captured ? "capture" : "decline", amount))
            known[request.key] = entry
            return (intent, true)
        }
        try ProviderLedger.insert(inserts, at: now, in: transaction)
        try ProviderLedger.update(updates, in: transaction)
        try ProviderLedger.record(records, at: now, in: transaction)
        return answers
    }

    /// The first reply of some methods is late or lost, after the books have been written.
    private func delay(_ method: String, _ timeout: Duration) async throws {
        switch Method(rawValue: method) {
        case .timeout:
            try await context.clock.sleep(for: min(timeout, SimulatedPaymentProvider.longestWait))
            throw ProviderTimeout()
        case .slow:
            try await context.clock.sleep(for: min(timeout, SimulatedPaymentProvider.slowness))
            if timeout < SimulatedPaymentProvider.slowness { throw ProviderTimeout() }
        case .approve, .decline, .insufficientFunds, nil: break
        }
    }

    public func cancel(_ intentID: Identifier, timeout: Duration) async throws -> PaymentIntent {
        let context = self.context
        return try await ledger.write { transaction in
            var entry = try ProviderLedger.get(intentID, in: transaction)
            guard entry.intent.status == .created else { return entry.intent }
            entry.intent = PaymentIntent(id: intentID, status: .cancelled, amount: entry.intent.amount, refunded: entry.intent.refunded, reason: nil)
            try ProviderLedger.settle(entry, entry: "void", at: context.now, in: transaction)
            return entry.intent
        }
    }

    public func refund(_ intentID: Identifier, key: Identifier, amount: Money, timeout: Duration) async throws -> PaymentIntent {
        let context = self.context
        return try await ledger.write { transaction -> Result<PaymentIntent, ProviderRefusal> in
            var entry = try ProviderLedger.get(intentID, in: transaction)
            if try ProviderLedger.isKnown(refund: key, in: transaction) { return .success(entry.intent) }
            guard entry.intent.status == .captured, amount.currency == entry.intent.amount.currency,
                let refunded = entry.intent.refunded.plus(amount), refunded.minorUnits <= entry.intent.amount.minorUnits
            else { return .failure(ProviderRefusal(description: "a refund of \(amount) exceeds what was captured")) }
            entry.intent = PaymentIntent(id: intentID, status: .captured, amount: entry.intent.amount, refunded: refunded, reason: nil)
            try ProviderLedger.refund(entry, key: key, amount: amount, at: context.now, in: transaction)
            return .success(entry.intent)
        }.get()
    }

    private static func decision(_ method: String) -> (PaymentIntent.Status, String?) {
        switch Method(rawValue: method) {
        case .approve, .timeout, .slow: (.captured, nil)
        case .decline: (.declined, "card_declined")
        case .insufficientFunds: (.declined, "insufficient_funds")
        case nil: (.declined, "unknown_payment_method")
        }
    }
}

/// The reply did not come in time; what happened is unknown.
public struct ProviderTimeout: Error, CustomStringConvertible {
    public let description = "the provider did not answer in time; the outcome is unknown"
    package init() {}
}

/// The provider refuses a request that makes no sense.
public struct ProviderRefusal: Error, CustomStringConvertible {
    public let description: String
}
