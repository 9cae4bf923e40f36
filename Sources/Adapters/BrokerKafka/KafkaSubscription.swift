import CKafka
import Foundation
import Logging
import Messaging
import Synchronization

/// One member of a group: what its caller sees. The library is driven by a ``KafkaConsumer`` on a thread of its own, which lives as long as the subscription and
/// keeps the membership alive however long the caller works on a batch.
final class KafkaSubscription: BrokerSubscription {
    struct State {
        var consumer: ConsumerState
        /// What the caller is to be told once.
        var failure: BrokerError?
        /// Whether it was told of the outage that goes on.
        var knowsOutage = false
        /// What the caller is to be told at every call: nothing will ever come again.
        var end: BrokerError?
        var isClosed = false
        /// Set where the member is to leave, and to come back with nothing: the positions of the sessions that ``rejoin()`` has ended.
        var farewell: [ConsumerState.Position]?
        /// Whether the process is to seem to have crashed.
        var isAbandoned = false
    }

    /// How long ``close()`` waits for the member to have left; the thread goes on by itself.
    private static let patience: Duration = .seconds(15)
    let state: Mutex<State>
    /// Something has arrived, or the end has come.
    let arrival = TaskSignal()
    /// There is something to do for the thread.
    let wake: EventDescriptor
    private let ended = Gate()

    var hasEnded: Bool { ended.isOpen }
    /// How many messages wait to be taken; for tests.
    package var held: Int { state.withLock { $0.consumer.held } }

    init(_ configuration: KafkaConfiguration, group: String, topics: [String], member: String, logger: Logger) throws {
        wake = try EventDescriptor()
        state = Mutex(
            State(consumer: ConsumerState(maximumMessages: configuration.maximumHeldMessages, maximumBytes: configuration.maximumHeldBytes)))
        let consumer = try KafkaConsumer(configuration, group: group, topics: topics, member: member, logger: logger, subscription: self)
        let thread = Thread {
            consumer.run()
            self.ended.open()
        }
        thread.name = "kafka-consumer"
        thread.start()
    }

    func next(limit: Int) async throws -> [BrokerDelivery]? {
        while true {
            let mark = arrival.mark
            let (deliveries, hasRoom) = try state.withLock { state in
                if state.isClosed { return (nil as [BrokerDelivery]?, false) }
                if let end = state.end { throw end }
                if let failure = state.failure {
                    state.failure = nil
                    throw failure
                }
                let (deliveries, hasRoom) = state.consumer.take(limit: limit)
                return (deliveries, hasRoom)
            }
            if hasRoom { wake.give() }
            guard let deliveries, deliveries.isEmpty else { return deliveries }
            await arrival.wait(after: mark)
            try Task.checkCancellation()
        }
    }

    func acknowledge(_ deliveries: [BrokerDelivery]) async {
        if state.withLock({ $0.consumer.acknowledge(deliveries) }) { wake.give() }
    }

    func rejoin() async {
        state.withLock { state in
            if state.isClosed { return }
            state.farewell = (state.farewell ?? []) + state.consumer.endAll()
        }
        wake.give()
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        await finish()
    }

    /// Ends the member without a word to the group, as a crash does.
    func abandon() async {
        state.withLock { ($0.isClosed, $0.isAbandoned) = (true, true) }
        await finish()
    }

    private func finish() async {
        arrival.give()
        wake.give()
        await ended.wait(atMost: KafkaSubscription.patience)
    }
}

/// Opened once and for ever; many may wait for it.
private final class Gate: Sendable {
    private let state = Atomic<Bool>(false)
    private let signal = TaskSignal()

    var isOpen: Bool { state.load(ordering: .acquiring) }

    func open() {
        state.store(true, ordering: .releasing)
        signal.give()
    }

    /// Waits until it is open, or for so long.
    func wait(atMost patience: Duration) async {
        let mark = signal.mark
        if isOpen { return }
        await withTaskGroup { group in
            group.addTask { await self.signal.wait(after: mark) }
            group.addTask { try? await Task.sleep(for: patience) }
            await group.next()
            group.cancelAll()
        }
    }
}
