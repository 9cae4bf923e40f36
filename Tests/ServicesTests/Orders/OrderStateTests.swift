import Contracts
import Testing

@testable import Orders

@Suite("Order state")
struct OrderStateTests {
    /// Every status with every note that it can carry.
    static let states: [OrderState] = [
        OrderState(status: .created, version: 1), OrderState(status: .reserved, version: 2), OrderState(status: .reserved, version: 2, isOffline: true),
        OrderState(status: .paid, version: 3), OrderState(status: .shipped, version: 4), OrderState(status: .delivered, version: 5),
        OrderState(status: .cancelling, version: 2), OrderState(status: .cancelling, version: 2, isStockFree: true),
        OrderState(status: .cancelling, version: 2, isPaymentUndone: true), OrderState(status: .cancelled, version: 3), OrderState(status: .failed, version: 3),
    ]
    private static let wishes: Set<OrderState.Input> = [.cancel, .payOffline, .ship, .deliver]

    @Test("the version counts the changes of status, and nothing else")
    func versions() {
        for before in OrderStateTests.states {
            for input in OrderState.Input.allCases {
                var state = before
                let decision = state.apply(input)
                if case .change(let statuses) = decision {
                    #expect(!statuses.isEmpty)
                    #expect(state.version == before.version + Int64(statuses.count))
                    #expect(state.status == statuses.last)
                } else {
                    #expect(state.version == before.version)
                    #expect(state.status == before.status)
                }
                if decision == .ignore || decision == .refuse { #expect(state == before, "\(before.status) \(input) has an effect though it is \(decision)") }
            }
        }
    }

    @Test("an order takes the allowed steps only, and is settled for good by what ends it")
    func edges() {
        let allowed: [OrderStatus: Set<OrderStatus>] = [
            .created: [.reserved, .cancelling, .cancelled], .reserved: [.paid, .failed, .cancelling], .paid: [.shipped, .cancelling], .shipped: [.delivered],
            .cancelling: [.cancelled],
        ]
        for before in OrderStateTests.states {
            for input in OrderState.Input.allCases {
                var state = before
                guard case .change(let statuses) = state.apply(input) else { continue }
                for (from, to) in zip([before.status] + statuses, statuses) { #expect(allowed[from]?.contains(to) == true, "\(from) to \(to) on \(input)") }
                if before.status.isSettled { #expect(OrderStateTests.wishes.contains(input), "\(input) unsettled an order that was \(before.status)") }
            }
        }
    }

    @Test("the same input twice changes the status once")
    func duplicates() {
        for before in OrderStateTests.states {
            for input in OrderState.Input.allCases {
                var state = before
                _ = state.apply(input)
                let once = state
                let second = state.apply(input)
                #expect(state == once, "\(before.status) \(input)")
                #expect(second == .ignore || second == .refuse, "\(before.status) \(input) twice: \(second)")
            }
        }
    }

    @Test("only a person's wish is ever refused")
    func refusals() {
        for before in OrderStateTests.states {
            for input in OrderState.Input.allCases where !OrderStateTests.wishes.contains(input) {
                var state = before
                #expect(state.apply(input) != .refuse, "\(before.status) \(input)")
            }
        }
    }

    @Test("a cancellation ends when both answers are there, in either order, whatever else comes in between")
    func cancellation() {
        let noise: [OrderState.Input] = [.stockReserved, .paymentProcessed, .paymentFailed, .cancel, .deadline, .stockInsufficient]
        for start in OrderStateTests.states where [.created, .reserved, .paid].contains(start.status) {
            for answers in [[OrderState.Input.stockReleased, .paymentUndone], [.paymentUndone, .stockReleased]] {
                var state = start
                #expect(state.apply(.cancel) == .change([.cancelling]))
                for input in noise { #expect(state.apply(input) == .ignore) }
                #expect(state.apply(answers[0]) == .note)
                #expect(state.apply(answers[0]) == .ignore)
                for input in noise { #expect(state.apply(input) == .ignore) }
                #expect(state.apply(answers[1]) == .change([.cancelled]))
                for input in noise + answers { #expect(state.apply(input) == .ignore) }
            }
        }
    }

    @Test("a payment made elsewhere can be recorded only for an order that is paid elsewhere and has its stock")
    func offline() {
        for before in OrderStateTests.states {
            var state = before
            let isPossible = before.status == .reserved && before.isOffline
            #expect(state.apply(.payOffline) == (isPossible ? .change([.paid]) : .refuse))
        }
    }

    @Test("what an operator is offered is what the machine does")
    func allowedByAdmin() {
        let wishes: [(OrderState.Input, OrderStatus)] = [(.payOffline, .paid), (.ship, .shipped), (.deliver, .delivered), (.cancel, .cancelled)]
        for state in OrderStateTests.states {
            let possible = wishes.filter { input, _ in
                var next = state
                if case .change = next.apply(input) { return true }
                return false
            }
            #expect(state.allowedByAdmin == possible.map(\.1), "\(state.status)")
        }
        #expect(OrderState(status: .reserved, version: 2, isOffline: true).allowedByAdmin == [.paid, .cancelled])
        #expect(OrderState(status: .delivered, version: 5).allowedByAdmin == [])
    }
}
