import Testing

@testable import Inventory

@Suite("Reservation state")
struct ReservationStateTests {
    typealias Input = ReservationState.Input

    /// All sequences of so many inputs.
    static func sequences<T>(_ inputs: [T], length: Int) -> [[T]] {
        (0..<length).reduce([[]]) { sequences, _ in sequences.flatMap { sequence in inputs.map { sequence + [$0] } } }
    }

    @Test("codes in the database stay what they are")
    func codes() {
        #expect(ReservationState.allCases.map(\.code) == [0, 1, 2, 3, 4, 5])
        for state in ReservationState.allCases { #expect(ReservationState(code: state.code) == state) }
        #expect(ReservationState(code: 6) == nil)
    }

    @Test("whatever comes in whatever order, stock is held at most once, and given back or sold at most once and only if it was held")
    func conservation() {
        for sequence in ReservationStateTests.sequences(Input.allCases, length: 5) {
            var state = ReservationState.none
            var held = 0
            var holds = 0
            for input in sequence {
                switch state.apply(input) {
                case .hold:
                    held += 1
                    holds += 1
                case .release, .sell: held -= 1
                case .reject, .answer, .nothing: break
                }
                #expect(held == (state == .held ? 1 : 0), "\(sequence)")
            }
            #expect(holds <= 1, "\(sequence)")
        }
    }

    @Test("a cancellation is always answered, until the goods have left")
    func answers() {
        for state in ReservationState.allCases where state != .sold {
            var next = state
            let effect = next.apply(.cancellation)
            #expect(effect == .release || effect == .answer)
            #expect(next != .held && next != .none)
        }
    }

    @Test("after a cancellation nothing is ever held")
    func tombstone() {
        for sequence in ReservationStateTests.sequences(Input.allCases, length: 4) {
            var state = ReservationState.none
            _ = state.apply(.cancellation)
            for input in sequence { #expect(state.apply(input) != .hold) }
        }
    }
}
