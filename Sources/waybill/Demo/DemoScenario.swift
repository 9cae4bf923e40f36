import Contracts
import WaybillClient
import Wire

/// One outcome that an order can have, played against a running platform.
struct DemoScenario: Sendable {
    let name: String
    let story: String
    let play: @Sendable (DemoStage) async throws -> [DemoCheck]

    static let all: [DemoScenario] = [
        happyPath, shortAtOnce, lastUnit, declined, insufficientFunds, cancelledWhilePaid, cancelledWhileCharging, zeroTotal, offline, lostReply,
    ]

    static let happyPath = DemoScenario(
        name: "paid, shipped, delivered",
        story: "Stock is reserved, the payment captured, the customer told; then the parcel leaves."
    ) { stage in
        let product = try await stage.product("happy", units: 10)
        let order = try await stage.place(product)
        var timeline = stage.timeline(order)
        try await timeline.until(OrderConfirmed.type, NotificationSent.type)
        _ = try await stage.api.setStatus(order.id, to: .shipped)
        try await timeline.until(OrderShipped.type)
        _ = try await stage.api.setStatus(order.id, to: .delivered)
        try await timeline.until(OrderDelivered.type)
        try await timeline.finish()
        return [
            try await stage.orderIs(order.id, .delivered), try await stage.paymentIs(order.id, "CAPTURED"),
            try await stage.stockIs(product, available: 8, reserved: 0, sold: 2),
        ]
    }

    static let shortAtOnce = DemoScenario(
        name: "not enough stock, told at once",
        story: "Three are wanted, one is there: the order is not accepted."
    ) { stage in
        let product = try await stage.product("short", units: 1)
        do {
            _ = try await stage.place(product, quantity: 3)
            return [DemoCheck(what: "answer", expected: ["insufficient-stock"], found: "accepted")]
        } catch let error as APIError {
            stage.say(error.description.split(separator: "\n").joined(separator: "\n  "))
            return [
                DemoCheck(what: "answer", expected: ["insufficient-stock"], found: error.type),
                try await stage.stockIs(product, available: 1, reserved: 0),
            ]
        }
    }

    static let lastUnit = DemoScenario(
        name: "the last unit, wanted by twelve",
        story: "Some may pass the first look at the stock; the reservation decides."
    ) { stage in
        let product = try await stage.product("last", units: 1)
        let placed = try await inParallel(Array(0..<12), width: 12) { _ -> OrderID? in
            do {
                return try await stage.place(product, quantity: 1).id
            } catch let error as APIError where error.type == "insufficient-stock" {
                return nil
            }
        }
        let accepted = placed.compactMap { $0 }
        var ended: [OrderStatus: [OrderID]] = [:]
        for id in accepted {
            var order = try await stage.api.order(id)
            while !order.status.isSettled {
                try await Task.sleep(for: .milliseconds(50))
                order = try await stage.api.order(id)
            }
            ended[order.status, default: []].append(id)
        }
        let cancelled = ended[.cancelled] ?? []
        stage.say("\(placed.count - accepted.count) refused at once, \(cancelled.count) cancelled by the saga, \(ended[.paid]?.count ?? 0) PAID")
        if let id = cancelled.first {
            var timeline = DemoTimeline(id, stage.api, isSilent: stage.isSilent)
            try await timeline.until(OrderCancelled.type)
            try await timeline.finish()
        }
        return [
            DemoCheck(what: "orders PAID", expected: ["1"], found: "\(ended[.paid]?.count ?? 0)"),
            DemoCheck(what: "orders that ended otherwise", expected: ["0"], found: "\(accepted.count - cancelled.count - (ended[.paid]?.count ?? 0))"),
            try await stage.stockIs(product, available: 0, reserved: 1),
        ]
    }

    static let declined = refused("declined", "The card is declined: the stock is free again.", method: "test_decline")
    static let insufficientFunds = refused("insufficient funds", "There is no money: the stock is free again.", method: "test_insufficient_funds")

    private static func refused(_ name: String, _ story: String, method: String) -> DemoScenario {
        DemoScenario(name: name, story: story) { stage in
            let product = try await stage.product(method.replacing("test_", with: "").replacing("_", with: "-"), units: 10)
            let order = try await stage.place(product, method: method)
            var timeline = stage.timeline(order)
            try await timeline.until(OrderFailed.type, InventoryReleased.type)
            try await timeline.finish()
            return [
                try await stage.orderIs(order.id, .failed), try await stage.paymentIs(order.id, "FAILED"),
                try await stage.stockIs(product, available: 10, reserved: 0),
            ]
        }
    }

    static let cancelledWhilePaid = DemoScenario(
        name: "cancelled after it was paid",
        story: "The customer changes his mind: money and stock go back."
    ) { stage in
        let product = try await stage.product("refund", units: 10)
        let order = try await stage.place(product)
        var timeline = stage.timeline(order)
        try await timeline.until(OrderConfirmed.type)
        _ = try await stage.api.cancel(order.id, reason: "changed my mind")
        try await timeline.until(OrderCancelled.type)
        try await timeline.finish()
        return [
            try await stage.orderIs(order.id, .cancelled), try await stage.paymentIs(order.id, "REFUNDED"),
            try await stage.stockIs(product, available: 10, reserved: 0),
        ]
    }

    static let cancelledWhileCharging = DemoScenario(
        name: "cancelled while the payment is under way",
        story: "The provider takes three seconds; whatever it does, no money is kept."
    ) { stage in
        let product = try await stage.product("void", units: 10)
        let order = try await stage.place(product, method: "test_slow")
        var timeline = stage.timeline(order)
        try await timeline.until(OrderReserved.type)
        try await Task.sleep(for: .milliseconds(300))
        _ = try await stage.api.cancel(order.id, reason: "too slow")
        try await timeline.until(OrderCancelled.type)
        try await timeline.finish()
        return [
            try await stage.orderIs(order.id, .cancelled), try await stage.paymentIs(order.id, "VOIDED", "REFUNDED"),
            try await stage.stockIs(product, available: 10, reserved: 0),
        ]
    }

    static let zeroTotal = DemoScenario(
        name: "nothing to pay",
        story: "A free sample: the order is PAID without a charge."
    ) { stage in
        let product = try await stage.product("sample", units: 10, price: "0.00")
        let order = try await stage.place(product)
        var timeline = stage.timeline(order)
        try await timeline.until(OrderConfirmed.type)
        try await timeline.finish()
        return [try await stage.orderIs(order.id, .paid), try await stage.stockIs(product, available: 8, reserved: 2)]
    }

    static let offline = DemoScenario(
        name: "paid offline",
        story: "A bank transfer: the order waits RESERVED until an operator records the payment."
    ) { stage in
        let product = try await stage.product("offline", units: 10)
        let order = try await stage.place(product, method: "offline")
        var timeline = stage.timeline(order)
        try await timeline.until(OrderReserved.type)
        _ = try await stage.api.setStatus(order.id, to: .paid, reason: "bank transfer")
        try await timeline.until(OrderConfirmed.type)
        try await timeline.finish()
        return [
            try await stage.orderIs(order.id, .paid), try await stage.paymentIs(order.id, "PAID_OFFLINE"),
            try await stage.stockIs(product, available: 8, reserved: 2),
        ]
    }

    static let lostReply = DemoScenario(
        name: "the provider's reply is lost",
        story: "The money was taken, the answer never came: asked again with the same key, it is not taken twice."
    ) { stage in
        let product = try await stage.product("lost", units: 10)
        let order = try await stage.place(product, method: "test_timeout")
        var timeline = stage.timeline(order)
        try await timeline.until(OrderConfirmed.type)
        try await timeline.finish()
        return [
            try await stage.orderIs(order.id, .paid), try await stage.paymentIs(order.id, "CAPTURED"),
            try await stage.stockIs(product, available: 8, reserved: 2),
        ]
    }
}
