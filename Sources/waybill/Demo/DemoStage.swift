import Contracts
import WaybillClient
import Wire

/// One thing that must be so at the end of a scenario.
struct DemoCheck: Sendable, Equatable {
    let what: String
    /// Any of these is right.
    let expected: [String]
    let found: String

    var isMet: Bool { expected.contains(found) }
}

/// What a scenario plays on: a platform, and products of its own.
struct DemoStage: Sendable {
    /// How long a state may take to show where another service's answer is behind it.
    private static let patience: Duration = .seconds(10)
    let api: WaybillAPI
    let run: String
    let isSilent: Bool

    func say(_ text: String) { if !isSilent { Output.line("  \(text)") } }

    /// A product with a SKU of this run.
    func product(_ name: String, units: Int64, price: String = "24.50") async throws -> ProductView {
        try await api.create(NewProduct(sku: "demo-\(run)-\(name)", name: "Demo \(name)", price: price, currency: "GBP", available: units))
    }

    /// Places an order of a product.
    func place(_ product: ProductView, quantity: Int64 = 2, method: String = "test_approve") async throws -> OrderSummary {
        let order = NewOrder(
            items: [.init(sku: product.sku, quantity: quantity)], currency: product.currency, customerID: "demo-\(run)", shippingCountry: "United Kingdom",
            paymentMethod: method, metadata: [.init("demo", run)])
        return try await api.place(order.body, key: nil)
    }

    func timeline(_ order: OrderSummary) -> DemoTimeline { DemoTimeline(order.id, api, isSilent: isSilent) }

    func orderIs(_ id: OrderID, _ status: OrderStatus) async throws -> DemoCheck {
        try await eventually("order", [status.rawValue]) { try await api.order(id).status.rawValue }
    }

    func paymentIs(_ id: OrderID, _ statuses: String...) async throws -> DemoCheck {
        try await eventually("payment", statuses) { try await api.paymentStatus(id) ?? "none" }
    }

    func stockIs(_ product: ProductView, available: Int64, reserved: Int64, sold: Int64 = 0) async throws -> DemoCheck {
        func words(_ available: Int64, _ reserved: Int64, _ sold: Int64) -> String { "\(available) available, \(reserved) reserved, \(sold) sold" }
        return try await eventually("stock", [words(available, reserved, sold)]) {
            let now = try await api.product(product.id)
            return words(now.available, now.reserved, now.sold)
        }
    }

    private func eventually(_ what: String, _ expected: [String], _ look: () async throws -> String) async throws -> DemoCheck {
        let end = ContinuousClock.now + DemoStage.patience
        while true {
            let found = try await look()
            if expected.contains(found) || ContinuousClock.now > end { return DemoCheck(what: what, expected: expected, found: found) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
