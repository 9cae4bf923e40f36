import Contracts
import Wire

/// Stock: S1, S2, and the stock that S4 and S5 speak of.
extension AuditRules {
    static let stock: [AuditRule] = [
        product("S1-available", "available is what the adjustments brought, less what is held and what is gone") { evidence in
            let product = evidence.product
            let expected = product.adjusted - product.held - product.gone
            return product.available == expected
                ? nil
                : "\(product.sku): \(product.available) available; \(product.adjusted) brought - \(product.held) held - \(product.gone) gone = \(expected)"
        },
        product("S1-reserved", "reserved is what orders hold") { evidence in
            let product = evidence.product
            return product.reserved == product.held ? nil : "\(product.sku): \(product.reserved) reserved, but orders hold \(product.held)"
        },
        product("S1-sold", "sold is what orders took") { evidence in
            let product = evidence.product
            return product.sold == product.gone ? nil : "\(product.sku): \(product.sold) sold, but orders took \(product.gone)"
        },
        product("S2-not-below-zero", "nothing is below zero: no more is promised than there is") { evidence in
            let product = evidence.product
            guard product.available < 0 || product.reserved < 0 || product.sold < 0 else { return nil }
            return "\(product.sku): \(product.available) available, \(product.reserved) reserved, \(product.sold) sold"
        },
        .order(
            "S4-stock-held", "RESERVED and later means that the stock of every line is held, or gone with the goods", .atRest, on: [.inventory],
            heardBy: [.inventory, .orders], else: "A person compares the order's lines with the stock, and cancels the order or adjusts the stock."
        ) { evidence, _ in
            guard let order = evidence.record.order else { return nil }
            let allowed: [ReservationTestimony.State]
            switch order.status {
            case .reserved, .paid: allowed = [.held]
            case .shipped, .delivered: allowed = [.held, .sold]
            case .created, .cancelling, .cancelled, .failed, nil: return nil
            }
            guard let reservation = evidence.record.reservation else { return nil }
            let state = reservation.state?.rawValue ?? "unreadable"
            if !(reservation.state.map(allowed.contains) ?? false) { return .init(evidence: "the order is \(order.name), its reservation \(state)") }
            guard reservation.lines.lines != order.lines.lines || reservation.lines.units != order.lines.units else { return nil }
            return .init(
                evidence:
                    "the order has \(order.lines.units) units in \(order.lines.lines) lines, \(reservation.lines.units) in \(reservation.lines.lines) are \(state)"
            )
        },
        .order(
            "S5-no-stock-held", "CANCELLED and FAILED mean that no stock is held", .atRest, on: [.inventory], heardBy: [.inventory],
            else: "A person finds out whether the goods left the house."
        ) { evidence, _ in
            guard let order = evidence.record.order, order.status == .cancelled || order.status == .failed,
                let state = evidence.record.reservation?.state, state == .held || state == .sold
            else { return nil }
            return .init(
                evidence: "the order is \(order.name), its stock \(state.rawValue)",
                action: state == .held ? .releaseStock(evidence.id, isTold: evidence.has(InventoryReleased.type)) : nil)
        },
    ]

    private static func product(_ id: String, _ title: String, _ check: @escaping @Sendable (ProductEvidence) -> String?) -> AuditRule {
        AuditRule(
            id: id, title: title, proposal: RepairAction.recount(Identifier(high: 0, low: 0)).name,
            check: .product { evidence in check(evidence).map { AuditRule.Violation(evidence: $0, action: .recount(evidence.product.id)) } })
    }
}

extension OrderTestimony {
    /// The status in words.
    var name: String { status?.rawValue ?? "of an unknown status" }
    /// Whether it is paid and not undone.
    var isPaid: Bool { status == .paid || status == .shipped || status == .delivered }
    var isUndone: Bool { status == .cancelled || status == .failed }
}
