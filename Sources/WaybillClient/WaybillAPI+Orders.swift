import Contracts
import Wire

/// An order as lists and answers show it.
public struct OrderSummary: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The order's id.
    public let id: OrderID
    /// Where it stands.
    public let status: OrderStatus
    /// Counts its changes, from 1.
    public let version: Int64
    /// What it costs, as a decimal text.
    public let totalAmount: String
    /// ISO 4217, such as `GBP`.
    public let currency: String
    /// How many lines it has.
    public let lineCount: Int64
    /// When the customer placed it.
    public let placedAt: Timestamp
    /// When the platform accepted it.
    public let createdAt: Timestamp
    /// Whose it is; nil for nobody's.
    public let customerID: String?
    /// Where it goes, ISO 3166-1 alpha-2.
    public let shippingCountry: String?
    /// Why it was cancelled; nil while it is not.
    public let reason: String?

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        guard let status = OrderStatus(rawValue: try json.string("status")) else { throw JSONMismatch(key: "status", expected: "an order status") }
        self.status = status
        version = try json.integer("version")
        totalAmount = try json.string("totalAmount")
        currency = try json.string("currency")
        lineCount = try json.integer("lineCount")
        placedAt = try json.timestamp("placedAt")
        createdAt = try json.timestamp("createdAt")
        customerID = try json.optionalString("customerId")
        shippingCountry = try json.optionalString("shippingCountry")
        reason = try json.optionalString("reason")
    }
}

/// Which orders a list shows.
public struct OrderFilter: Sendable {
    /// Only orders that stand there.
    public var status: OrderStatus?
    /// Only this customer's.
    public var customerID: String?
    /// RFC 3339 or a day; of the order's acceptance.
    public var from: String?
    /// The end, which is not included; RFC 3339 or a day.
    public var to: String?
    /// What is nil narrows nothing.
    public init(status: OrderStatus? = nil, customerID: String? = nil, from: String? = nil, to: String? = nil) {
        (self.status, self.customerID, self.from, self.to) = (status, customerID, from, to)
    }
}

extension WaybillAPI {
    /// The largest page that lists give.
    public static let largestPage = 500

    /// `POST /orders`.
    public func place(_ body: [UInt8], key: String?, retry: RetryPolicy = .once) async throws -> OrderSummary {
        let json = try await send("POST", "/orders", body: body, key: key, retry: retry)
        return try decode("/orders") { try OrderSummary(json) }
    }

    /// `GET /orders/{id}`: with its lines, metadata and history in `json`.
    public func order(_ id: OrderID, retry: RetryPolicy = .once) async throws -> OrderSummary {
        let json = try await get("/orders/\(id)", retry: retry)
        return try decode("/orders/\(id)") { try OrderSummary(json) }
    }

    /// Places an order. The same key places it once, however often it is sent.
    public func place(_ order: NewOrder, key: String?, retry: RetryPolicy = .once) async throws -> OrderSummary {
        try await place(order.body, key: key, retry: retry)
    }

    /// `GET /orders/{id}/status`: what it is now, and since when.
    public func status(_ id: OrderID, retry: RetryPolicy = .once) async throws -> OrderStatus {
        let path = "/orders/\(id)/status"
        let json = try await get(path, retry: retry)
        return try decode(path) {
            guard let status = OrderStatus(rawValue: try json.string("status")) else { throw JSONMismatch(key: "status", expected: "an order status") }
            return status
        }
    }

    /// One page of `GET /orders`, newest first.
    public func orders(
        _ filter: OrderFilter, limit: Int, cursor: String? = nil, retry: RetryPolicy = .once
    ) async throws -> (items: [OrderSummary], next: String?) {
        let query: [(String, String?)] = [
            ("status", filter.status?.rawValue), ("customerId", filter.customerID), ("from", filter.from), ("to", filter.to), ("limit", String(limit)),
            ("cursor", cursor),
        ]
        let json = try await get("/orders", query, retry: retry)
        return try decode("/orders") { (try json.objects("items").map(OrderSummary.init), try json.optionalString("nextCursor")) }
    }

    /// Every order of a filter, page after page, at most `limit`.
    public func eachOrder(_ filter: OrderFilter, limit: Int = .max, retry: RetryPolicy = .once, _ body: (OrderSummary) throws -> Void) async throws {
        var (cursor, rest): (String?, Int) = (nil, limit)
        repeat {
            let page = try await orders(filter, limit: min(rest, WaybillAPI.largestPage), cursor: cursor, retry: retry)
            for order in page.items { try body(order) }
            rest -= page.items.count
            cursor = page.next
        } while cursor != nil && rest > 0
    }

    /// `POST /orders/{id}/cancel`.
    public func cancel(_ id: OrderID, reason: String? = nil, key: String? = nil, retry: RetryPolicy = .once) async throws -> OrderSummary {
        let body = reason.map { reason in JSONWriter.object { $0.member("reason", reason) } } ?? []
        let json = try await send("POST", "/orders/\(id)/cancel", body: body, key: key, retry: retry)
        return try decode("/orders/\(id)/cancel") { try OrderSummary(json) }
    }

    /// `PUT /orders/{id}/status`: what an operator may set.
    public func setStatus(_ id: OrderID, to status: OrderStatus, reason: String? = nil) async throws -> OrderSummary {
        let body = JSONWriter.object { json in
            json.member("status", status.rawValue)
            json.optional("reason", reason)
        }
        let json = try await send("PUT", "/orders/\(id)/status", body: body)
        return try decode("/orders/\(id)/status") { try OrderSummary(json) }
    }

    /// `GET /orders/{id}/events`: what happened to an order so far.
    public func timeline(_ id: OrderID) async throws -> JSONObject { try await get("/orders/\(id)/events") }

    /// `GET /orders/{id}/stream`: what happened to an order, and then what happens.
    public func follow(_ id: OrderID, lastEventID: String? = nil) -> ServerSentEvents {
        http.events(WaybillAPI.root + "/orders/\(id)/stream", lastEventID: lastEventID)
    }
}
