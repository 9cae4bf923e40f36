import Contracts
import WaybillClient
import Web
import Wire

/// Asks Inventory, which runs in other processes, what is available: `POST /api/v1/inventory/availability`.
///
/// Behind the pool's circuit breaker, which knows whether Inventory had its time: while it is open nobody is asked, and orders are let through. The question changes
/// nothing, so it may be asked a second time although it is a POST.
struct RemoteInventory: Sendable {
    /// An order waits this long at most for an answer that it can do without.
    static let timeout: Duration = .milliseconds(450)
    static let attemptTimeout: Duration = .milliseconds(300)
    private static let path = WaybillAPI.root + "/inventory/availability"

    /// Another answer than the one asked for.
    struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    let pool: UpstreamPool

    /// How a pool for this question is set up.
    static func configuration(_ common: UpstreamPool.Configuration) -> UpstreamPool.Configuration {
        var configuration = common
        configuration.timeout = timeout
        configuration.attemptTimeout = attemptTimeout
        return configuration
    }

    /// - Throws: ``UpstreamFailure``, ``Unexpected``, `CancellationError`.
    func check(_ questions: [AvailabilityQuestion]) async throws -> [ProductAvailability?] {
        guard !questions.isEmpty else { return [] }
        let scope = RequestScope.current
        var headers = [("Content-Type", "application/json")]
        if let scope { headers.append((HTTPName.requestID, scope.id.description)) }
        if let traceparent = scope?.traceparent { headers.append((HTTPName.traceparent, traceparent)) }
        let request = ClientRequest(method: "POST", path: RemoteInventory.path, headers: headers, body: RemoteInventory.body(questions))
        let response = try await pool.send(request, by: scope?.deadline, isRepeatable: true)
        guard response.status == 200 else { throw Unexpected(description: "Inventory answered with status \(response.status)") }
        return try RemoteInventory.answers(response.body, count: questions.count)
    }

    static func body(_ questions: [AvailabilityQuestion]) -> [UInt8] {
        JSONWriter.object(capacity: 80 * questions.count + 16) { json in
            json.key("items")
            json.array(questions) { json, question in
                json.object { json in
                    json.optional("productId", question.productID)
                    json.optional("sku", question.sku)
                    // Only the asker knows how much it wants; the endpoint wants a number.
                    json.member("quantity", 1)
                }
            }
        }
    }

    /// - Parameter count: how many were asked for; another number of answers is none.
    static func answers(_ body: [UInt8], count: Int) throws -> [ProductAvailability?] {
        guard let items = try JSONParser.parse(body)["items"]?.array, items.count == count else {
            throw Unexpected(description: "Inventory answered another question than it was asked")
        }
        return try items.enumerated().map { index, item -> ProductAvailability? in
            guard let exists = item["exists"]?.bool else { throw Unexpected(description: "Inventory did not say whether item \(index) exists") }
            guard exists else { return nil }
            guard let id = item["productId"]?.string.flatMap({ Identifier($0) }), let sku = item["sku"]?.string,
                let currency = item["currency"]?.string.flatMap({ Currency($0) }), let amount = item["price"]?.string,
                let price = Money(amount, currency), let available = item["availableQuantity"]?.integer
            else { throw Unexpected(description: "Inventory's answer for item \(index) is not complete") }
            return ProductAvailability(productID: id, sku: sku, price: price, available: available)
        }
    }
}
