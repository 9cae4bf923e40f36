import Messaging
import Storage
import Synchronization
import Wire

/// A broker that knows some topics only, refuses some messages, and keeps what is published. What it refuses because of its topic it finds out too late, as RabbitMQ does: what stands
/// before it is there.
final class PickyBroker: EventBroker {
    private struct State {
        var calls: [[BrokerMessage]] = []
        var kept: [BrokerMessage] = []
        var topics: Set<String>
        var refused: Set<Identifier> = []
        var isDown = false
    }
    private let state: Mutex<State>
    let name = "picky"

    init(topics: Set<String>) { state = Mutex(State(topics: topics)) }

    /// What was asked of it, call by call.
    var calls: [[BrokerMessage]] { state.withLock { $0.calls } }
    /// What it has, repetitions included.
    var kept: [BrokerMessage] { state.withLock { $0.kept } }
    /// Refuses all messages of these keys, and no others.
    func refuse(_ keys: Int...) { state.withLock { $0.refused = Set(keys.map { Identifier(high: 0, low: UInt64($0)) }) } }
    func know(_ topic: String) { state.withLock { _ = $0.topics.insert(topic) } }
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    func publish(_ messages: [BrokerMessage]) async throws {
        try state.withLock { state in
            state.calls.append(messages)
            if state.isDown { throw BrokerError.unavailable("test") }
            if let index = messages.firstIndex(where: { state.refused.contains($0.key) }) { throw BrokerError.rejected(index: index, reason: "too large") }
            for message in messages {
                guard state.topics.contains(message.topic) else { throw BrokerError.misconfigured("no topic \(message.topic)") }
                state.kept.append(message)
            }
        }
    }

    func open(_ topology: BrokerTopology) async throws {}
    func subscribe(group: String, topics: [String], member: String) async throws -> any BrokerSubscription { throw BrokerError.unavailable("test") }
    func lag(of group: String) async throws -> Int? { nil }
    func examine(_ topology: BrokerTopology) async -> [EngineFinding] { [] }
    func close() async {}
}

extension [BrokerMessage] {
    /// The numbers of the toys among them.
    var toys: [Int64] { compactMap { ((try? Envelope(body: $0.body, registry: EventRegistry([Toy.self])))?.event as? Toy)?.number } }
}
