import Messaging
import Testing
import Wire

@testable import BrokerKafka

@Suite("A member's positions")
struct ConsumerStateTests {
    private let state = Member()
    private let place = ConsumerState.Place(topic: "orders", number: 3, session: 1)
    private let other = ConsumerState.Place(topic: "stock", number: 0, session: 2)

    init() {
        state.begin(place)
        state.begin(other)
    }

    private func deliveries(_ place: ConsumerState.Place, _ positions: ClosedRange<Int64>, bytes: Int = 0) -> [BrokerDelivery] {
        positions.map { position in
            let message = BrokerMessage(topic: place.topic, key: Identifier(high: 0, low: 1), headers: [], body: [UInt8](repeating: 0, count: bytes))
            return BrokerDelivery(message: message, partition: place.name, session: place.session, position: position, mayBeRepeated: false)
        }
    }

    @Test("are handed out when acknowledged, once")
    func handsOut() {
        state.arrive(deliveries(place, 5...7))
        let batch = state.take(limit: 10).deliveries
        #expect(batch.map(\.position) == [5, 6, 7])
        #expect(state.takeDue().isEmpty)
        #expect(state.acknowledge(batch))
        #expect(state.takeDue() == [.init(topic: "orders", number: 3, offset: 8)])
        #expect(state.takeDue().isEmpty)
        #expect(!state.acknowledge(batch), "again")
        #expect(state.takeDue().isEmpty)
    }

    @Test("wait for a batch that was taken before and is not acknowledged")
    func order() {
        state.arrive(deliveries(place, 0...5))
        let (first, second) = (state.take(limit: 2).deliveries, state.take(limit: 3).deliveries)
        #expect(!state.acknowledge(second))
        #expect(state.takeDue().isEmpty)
        #expect(state.acknowledge(first))
        #expect(state.takeDue() == [.init(topic: "orders", number: 3, offset: 5)])
    }

    @Test("of several partitions are kept apart")
    func partitions() {
        state.arrive(deliveries(place, 0...1) + deliveries(other, 7...7))
        #expect(state.acknowledge(state.take(limit: 10).deliveries))
        #expect(Set(state.takeDue().map(\.offset)) == [2, 8])
    }

    @Test("of a session that has ended are not noted, and what waits of it is gone")
    func ended() {
        state.arrive(deliveries(place, 0...1) + deliveries(other, 0...1))
        let batch = state.take(limit: 1).deliveries
        #expect(state.end([place.session]).isEmpty)
        #expect(!state.acknowledge(batch))
        state.arrive(deliveries(place, 2...3))
        #expect(state.take(limit: 10).deliveries.map(\.partition) == ["stock/0", "stock/0"])
        #expect(state.held == 0)
    }

    @Test("that are acknowledged and were not handed out are so when their session ends")
    func farewell() {
        state.arrive(deliveries(place, 0...3))
        _ = state.acknowledge(state.take(limit: 2).deliveries)
        #expect(state.endAll() == [.init(topic: "orders", number: 3, offset: 2)])
        #expect(!state.isAssigned)
        #expect(state.endAll().isEmpty)
    }

    @Test("say when there is room again")
    func room() {
        #expect(state.room() == 10)
        state.arrive(deliveries(place, 0...9))
        #expect(state.room() == 0)
        #expect(!state.take(limit: 2).hasRoom, "too little to wake anybody for")
        #expect(state.take(limit: 5).hasRoom)
        #expect(!state.take(limit: 1).hasRoom, "it was said")
        #expect(state.room() == 8)
        state.arrive(deliveries(place, 10...10, bytes: 20_000))
        #expect(state.room() == 0, "few messages, but large ones")
        #expect(state.take(limit: 10).hasRoom)
    }
}

/// The state in a place of its own, so that a check may change it.
private final class Member {
    private var state = ConsumerState(maximumMessages: 10, maximumBytes: 10_000)
    var held: Int { state.held }
    var isAssigned: Bool { state.isAssigned }
    func begin(_ place: ConsumerState.Place) { state.begin(place) }
    func end(_ sessions: [Int64]) -> [ConsumerState.Position] { state.end(sessions) }
    func endAll() -> [ConsumerState.Position] { state.endAll() }
    func room() -> Int { state.room() }
    func arrive(_ deliveries: [BrokerDelivery]) { state.arrive(deliveries) }
    func take(limit: Int) -> (deliveries: [BrokerDelivery], hasRoom: Bool) { state.take(limit: limit) }
    func acknowledge(_ deliveries: [BrokerDelivery]) -> Bool { state.acknowledge(deliveries) }
    func takeDue() -> [ConsumerState.Position] { state.takeDue() }
}
