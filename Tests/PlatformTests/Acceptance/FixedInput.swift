import Wire

/// One input for every topology: orders of every outcome through the HTTP API, one after the other, each brought to its end before the next one begins.
///
/// Left out is what chance decides: a cancellation while the provider is being asked ends in a void or in a refund (SagaTests have it).
struct FixedInput: Sendable {
    /// An order that has come to its end, or was refused.
    struct Outcome: Sendable {
        let name: String
        /// The order, or what the client was answered instead.
        let result: Result
        enum Result: Sendable {
            case order(String)
            case refusal(JSONValue)
        }
    }

    let shop: RunningPlatform

    /// Plays all of it and returns what became of the orders, each with its timeline as long as it will be.
    func callAsFunction() async throws -> [Outcome] {
        try await shop.product("TEA", units: 100)
        try await shop.product("POT", units: 100, price: "20.00")
        try await shop.product("FREE", units: 10, price: "0.00")
        try await shop.product("RARE", units: 3)
        return [
            try await paid(), try await placedTwice(), try await delivered(), try await shortAtTheDoor(), try await shortAtReservation(), try await declined(),
            try await cancelledBeforePayment(), try await cancelledAfterPayment(), try await nothingToPay(), try await paidElsewhere(), try await replyLost(),
        ]
    }

    private func paid() async throws -> Outcome {
        let id = try await place([("TEA", 2), ("POT", 1)])
        try await settled(id, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        return Outcome(name: "paid", result: .order(id))
    }

    private func placedTwice() async throws -> Outcome {
        let first = try await place([("TEA", 1)], key: "twice")
        let second = try await place([("TEA", 1)], key: "twice")
        if first != second { throw Unexpected("one key made two orders") }
        try await settled(first, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        return Outcome(name: "placed twice under one key", result: .order(first))
    }

    private func delivered() async throws -> Outcome {
        let id = try await place([("TEA", 1)])
        try await settled(id, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        try await set(id, "SHIPPED")
        try await settled(id, "SHIPPED", told: 2)
        try await set(id, "DELIVERED")
        try await settled(id, "DELIVERED", told: 3)
        return Outcome(name: "shipped and delivered", result: .order(id))
    }

    private func shortAtTheDoor() async throws -> Outcome {
        let answer = try await shop.place("RARE", quantity: 4)
        if answer.status != 409 { throw Unexpected("an order of too much was answered \(answer.status) \(answer.json.compact)") }
        return Outcome(name: "insufficient stock at the door", result: .refusal(answer.json))
    }

    /// Buyers who come at the same moment see the same stock at the door, and the first of them takes all of it. How many come through is chance, so it is tried until
    /// two have; what then becomes of each is none.
    private func shortAtReservation() async throws -> Outcome {
        let product = try await shop.product("LAST", units: 5)
        for _ in 0..<50 {
            let accepted = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<8 { group.addTask { try await shop.send("POST", "/orders", body([("LAST", 5)])).json["id"]?.string } }
                return try await group.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
            }
            var losers: [String] = []
            for id in accepted {
                try await shop.eventually("\(id) has its end") { ["PAID", "CANCELLED"].contains(try await shop.status(id)) }
                if try await shop.status(id) == "CANCELLED" { losers.append(id) }
            }
            if accepted.count - losers.count != 1 { throw Unexpected("\(accepted.count - losers.count) orders have got the last units") }
            if let loser = losers.first {
                try await settled(loser, "CANCELLED", told: 1, ["InventoryInsufficient"])
                return Outcome(name: "insufficient stock at the reservation", result: .order(loser))
            }
            let received = try await shop.send("POST", "/inventory/products/\(product)/adjustments", #"{"delta":5,"reason":"received"}"#)
            if received.status != 201 { throw Unexpected("stock received was answered \(received.status)") }
        }
        throw Unexpected("no two of eight buyers at once came through the door, fifty times")
    }

    private func declined() async throws -> Outcome {
        let id = try await place([("TEA", 3)], method: "test_decline")
        try await settled(id, "FAILED", told: 1, ["OrderReserved", "InventoryReleased"])
        return Outcome(name: "declined, stock released", result: .order(id))
    }

    private func cancelledBeforePayment() async throws -> Outcome {
        let id = try await place([("TEA", 1)], method: "offline")
        try await shop.eventually(id, is: "RESERVED")
        try await shop.eventually("payment is awaited") { try await shop.payment(id)?["status"] == .string("AWAITING_OFFLINE") }
        try await cancel(id)
        try await settled(id, "CANCELLED", told: 1, ["InventoryReleased", "PaymentVoided"])
        return Outcome(name: "cancelled before payment", result: .order(id))
    }

    private func cancelledAfterPayment() async throws -> Outcome {
        let id = try await place([("TEA", 1), ("POT", 2)])
        try await settled(id, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        try await cancel(id)
        // Of the confirmation, the refund and the cancellation.
        try await settled(id, "CANCELLED", told: 3, ["InventoryReleased", "PaymentRefunded"])
        return Outcome(name: "cancelled after payment", result: .order(id))
    }

    private func nothingToPay() async throws -> Outcome {
        let id = try await place([("FREE", 1)])
        try await settled(id, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        return Outcome(name: "nothing to pay", result: .order(id))
    }

    private func paidElsewhere() async throws -> Outcome {
        let id = try await place([("TEA", 4)], method: "offline")
        try await shop.eventually(id, is: "RESERVED")
        try await shop.eventually("payment is awaited") { try await shop.payment(id)?["status"] == .string("AWAITING_OFFLINE") }
        try await set(id, "PAID")
        try await settled(id, "PAID", told: 1, ["PaymentProcessed"])
        return Outcome(name: "paid elsewhere", result: .order(id))
    }

    private func replyLost() async throws -> Outcome {
        let id = try await place([("TEA", 1)], method: "test_timeout")
        try await settled(id, "PAID", told: 1, ["OrderReserved", "PaymentProcessed"])
        return Outcome(name: "paid, the provider's reply lost", result: .order(id))
    }

    /// The body of an order, the same in every run.
    private func body(_ lines: [(sku: String, quantity: Int)], method: String = "test_approve") -> String {
        let items = lines.map { #"{"sku":"\#($0.sku)","quantity":\#($0.quantity)}"# }.joined(separator: ",")
        let rest = #""customerId":"alice","shippingCountry":"GB","placedAt":"2026-01-02T03:04:05Z","metadata":{"channel":"web"}"#
        return #"{"currency":"GBP","items":[\#(items)],"paymentMethod":"\#(method)",\#(rest)}"#
    }

    private func place(_ lines: [(sku: String, quantity: Int)], method: String = "test_approve", key: String? = nil) async throws -> String {
        let answer = try await shop.send("POST", "/orders", body(lines, method: method), headers: key.map { [("Idempotency-Key", $0)] } ?? [])
        guard answer.status == 202, let id = answer.json["id"]?.string else {
            throw Unexpected("an order was answered \(answer.status) \(answer.json.compact)")
        }
        return id
    }

    private func set(_ id: String, _ status: String) async throws {
        let answer = try await shop.send("PUT", "/orders/\(id)/status", #"{"status":"\#(status)"}"#)
        if answer.status != 200 { throw Unexpected("\(status) was answered \(answer.status) \(answer.json.compact)") }
    }

    private func cancel(_ id: String) async throws {
        let answer = try await shop.send("POST", "/orders/\(id)/cancel", #"{"reason":"changed my mind"}"#)
        if answer.status != 202 { throw Unexpected("a cancellation was answered \(answer.status) \(answer.json.compact)") }
    }

    /// Waits until an order has its status, and its timeline so many notifications and these events, each with all that led to it: what comes through a broker may be
    /// archived before its cause.
    private func settled(_ id: String, _ status: String, told: Int, _ types: [String] = []) async throws {
        try await shop.eventually(id, is: status)
        try await shop.eventually("the timeline of \(id) is complete") {
            guard let found = try? Transcript(timeline: try await shop.send("GET", "/orders/\(id)/events").json).types else { return false }
            return found.filter { $0 == "NotificationSent" }.count == told && types.allSatisfy(found.contains)
        }
    }
}
