import Contracts
import Orders

/// The promises S1 to S6 of RELIABILITY, as this model can see them.
enum Promises {
    /// The edges that an order's status may take (S6).
    private static let edges: [OrderStatus: Set<OrderStatus>] = [
        .created: [.reserved, .cancelling, .cancelled], .reserved: [.paid, .failed, .cancelling], .paid: [.shipped, .cancelling], .shipped: [.delivered],
        .cancelling: [.cancelled],
    ]

    /// S6: allowed edges only, the version raised by exactly 1 per change.
    static func faultOfChange(_ before: OrderState, _ decision: OrderState.Decision, _ after: OrderState) -> String? {
        guard case .change(let statuses) = decision else {
            return before.status == after.status && before.version == after.version ? nil : "S6: \(before.status) changed to \(after.status) without saying so"
        }
        for (old, new) in zip([before.status] + statuses, statuses) where edges[old]?.contains(new) != true { return "S6: \(old) became \(new)" }
        if statuses.last != after.status || after.version != before.version + Int64(statuses.count) { return "S6: the version does not count the changes" }
        return nil
    }

    /// What is broken about one order, at any moment; nil if nothing is.
    static func fault(of course: Course, _ services: Services) -> String? {
        let (captures, refunds) = (course.provider.captures, course.provider.refunds)
        func money() -> String { "\(captures) captured and \(refunds) given back" }
        if captures > 1 { return "S3: \(captures) captures" }
        if refunds > captures { return "S3: \(captures) captures and \(refunds) refunds" }
        guard course.order != 0 else { return nil }
        let status = services.orders[Int(course.order)].status
        let reservation = Services.reservations[Int(course.reservation)]
        switch status {
        case .created, .reserved, .cancelling: return nil
        case .paid, .shipped, .delivered:
            if captures - refunds != (course.kind == .card ? 1 : 0) {
                return "S4: \(status), with \(money())"
            }
            let isHeld = reservation == .held || reservation == .sold && status != .paid
            return isHeld ? nil : "S4: \(status), and the stock is \(reservation)"
        case .cancelled, .failed:
            if captures != refunds { return "S5: \(status), with \(money())" }
            if reservation == .sold { return "S5: \(status), and the stock is sold" }
            // A refusal reaches Orders and Inventory at the same time, so FAILED may be a moment ahead of the release.
            let isOnItsWay = status == .failed && services.isUnheard(by: .inventory, course)
            return reservation == .held && !isOnItsWay ? "S5: \(status), and stock is still held" : nil
        }
    }

    /// What is unfinished about one order of which nothing is under way any more; nil if it is settled, not placed yet, or waits for an operator.
    static func unfinished(_ course: Course, _ services: Services, tells: Bool) -> String? {
        guard course.order != 0 else { return nil }
        let state = services.orders[Int(course.order)]
        if state.status == .reserved, state.isOffline, !course.kind.isFree { return nil }
        guard state.status.isSettled else {
            return "At rest: the order is \(state.status), the reservation \(Services.reservations[Int(course.reservation)]), "
                + "the payment \(Services.payments[Int(course.payment)])"
        }
        let reservation = Services.reservations[Int(course.reservation)]
        if state.status == .shipped || state.status == .delivered, reservation != .sold {
            return "At rest: what was shipped is \(reservation)"
        }
        return tells ? silence(course, state.status) : nil
    }

    private static func silence(_ course: Course, _ status: OrderStatus) -> String? {
        let kind: NotificationKind
        switch status {
        case .created, .reserved, .cancelling: return nil
        case .paid: kind = .confirmation
        case .shipped: kind = .shipping
        case .delivered: kind = .delivery
        case .cancelled: kind = .cancellation
        case .failed: kind = .failure
        }
        return course.wasTold(kind) ? nil : "At rest: the customer was not told of the \(kind)"
    }
}

extension Course {
    private static func bit(_ kind: NotificationKind) -> UInt8 { 1 << UInt8(NotificationKind.allCases.firstIndex(of: kind) ?? 0) }
    /// Whether the customer was told.
    func wasTold(_ kind: NotificationKind) -> Bool { told & Course.bit(kind) != 0 }
    mutating func tell(_ kind: NotificationKind) { told |= Course.bit(kind) }
}
