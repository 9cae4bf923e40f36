import Contracts
import Messaging
import Storage
import Web
import Wire

/// How much stock a customer may hold without paying: a bound on his orders that are not settled, and on their units. Nobody empties a shop with orders that he lets
/// lapse (hoarding, CWE-770).
///
/// Counted in the transaction that places the order, with the customer's row locked, so that no number of requests at once gets past it in any number of processes.
struct UnpaidOrders: Sendable {
    /// The row of each customer who places orders himself: whoever has it is the only one who places an order of his.
    static let migration = Migration(
        version: 5, name: "customers who place orders themselves",
        statements: ["CREATE TABLE placing_customers (customer_id {text} PRIMARY KEY, placed_at {int} NOT NULL) {clustered}"])

    private static let lock = SQL(
        """
        INSERT INTO placing_customers (customer_id, placed_at) VALUES ($1, $2)
        ON CONFLICT (customer_id) DO UPDATE SET placed_at = excluded.placed_at
        """)
    // An order that is not settled is no older than the longest deadline: of the customer's orders only those since then are looked at, by the index over customers.
    private static let count = SQL(
        """
        SELECT count(*), coalesce(sum(units), 0) FROM (
        SELECT (SELECT sum(quantity) FROM order_items WHERE order_id = orders.id) AS units FROM orders
        WHERE customer_id = $1 AND id >= $2 AND status IN (\(OrderStatus.allCases.filter { !$0.isSettled }.map { "\($0.code)" }.joined(separator: ", ")))
        ) AS unpaid
        """)
    /// What a deadline may be missed by before the order is cancelled.
    private static let grace: Int64 = 3_600_000

    private let maximumOrders: Int64
    private let maximumUnits: Int64
    private let longestDeadline: Int64

    init(_ configuration: OrdersConfiguration) {
        (maximumOrders, maximumUnits) = (configuration.unpaidOrdersPerCustomer, configuration.unpaidUnitsPerCustomer)
        longestDeadline = max(configuration.deadlineMilliseconds, configuration.offlineDeadlineMilliseconds)
    }

    /// Why a customer may not place another order now; nil where he may.
    /// - Parameters:
    ///   - customer: nil for one who is no customer: programs of the house and staff are not bounded.
    ///   - units: of the new order.
    func refusal(_ customer: String?, adding units: Int64, at now: Timestamp, in transaction: any Transaction) throws -> Problem? {
        guard let customer else { return nil }
        try transaction.execute(UnpaidOrders.lock, [.text(customer), .time(now)])
        let oldest = Identifier.lowerBound(of: now.advanced(byMilliseconds: -longestDeadline - UnpaidOrders.grace))
        let held = try transaction.first(UnpaidOrders.count, [.text(customer), .id(oldest)]) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
        if held.0 >= maximumOrders {
            return problem("You have \(held.0) orders that are not paid yet, and may have \(maximumOrders) at a time; nothing was done.", held)
        }
        let (sum, overflow) = held.1.addingReportingOverflow(units)
        guard overflow || sum > maximumUnits else { return nil }
        return problem(
            "You have \(held.1) units in orders that are not paid yet, and may have \(maximumUnits) at a time; with these there would be more. Nothing was done.",
            held)
    }

    private func problem(_ detail: String, _ held: (orders: Int64, units: Int64)) -> Problem {
        let (maximumOrders, maximumUnits) = (maximumOrders, maximumUnits)
        return Problem(.tooManyRequests, "too-many-unpaid-orders", detail, headers: [.retryAfter: "60"]) { json in
            json.member("unpaidOrders", held.orders)
            json.member("maximumUnpaidOrders", maximumOrders)
            json.member("unpaidUnits", held.units)
            json.member("maximumUnpaidUnits", maximumUnits)
        }
    }
}
