import Testing

@testable import Payments

@Suite("Payment state")
struct PaymentStateTests {
    typealias Input = PaymentState.Input

    @Test("codes in the database stay what they are")
    func codes() {
        #expect(PaymentState.allCases.map(\.code) == Array(0...9))
        for state in PaymentState.allCases { #expect(PaymentState(code: state.code) == state) }
        #expect(PaymentState(code: 10) == nil)
    }

    @Test("whatever comes in whatever order, a payment is charged at most once, refunded at most once and reported once")
    func atMostOnce() {
        for sequence in ReservationStateTests.sequences(Input.allCases, length: 5) {
            var state = PaymentState.none
            var effects: [PaymentState.Effect: Int] = [:]
            for input in sequence { effects[state.apply(input), default: 0] += 1 }
            for effect in [PaymentState.Effect.charge, .void, .refund, .announceProcessed, .announceFailed, .announceVoided, .announceRefunded] {
                #expect(effects[effect, default: 0] <= 1, "\(effect) in \(sequence)")
            }
            #expect(effects[.announceVoided, default: 0] + effects[.announceRefunded, default: 0] <= 1, "a cancellation is answered once: \(sequence)")
        }
    }

    @Test("the money of a cancelled order is undone as soon as the provider has answered, whatever it answered")
    func cancelled() {
        for answer in [Input.captureConfirmed, .captureDeclined, .voidConfirmed] {
            var state = PaymentState.none
            #expect(state.apply(.due) == .charge)
            #expect(state.apply(.cancellation) == .void)
            let effect = state.apply(answer)
            if answer == .captureConfirmed {
                #expect(effect == .refundLateCapture, "who counts money hears of the capture, too")
                for late in [Input.voidConfirmed, .captureConfirmed, .captureDeclined] { #expect(state.apply(late) == .nothing) }
                #expect(state.apply(.refundConfirmed) == .announceRefunded)
                #expect(state == .refunded)
            } else {
                #expect(effect == .announceVoided)
                #expect(state == .voided)
            }
            for input in Input.allCases { #expect(state.apply(input) == .nothing) }
        }
    }

    @Test("a cancellation that came first lets nothing be charged")
    func tombstone() {
        for sequence in ReservationStateTests.sequences(Input.allCases, length: 3) {
            var state = PaymentState.none
            #expect(state.apply(.cancellation) == .announceVoided)
            for input in sequence { #expect(state.apply(input) == .nothing) }
        }
    }
}
