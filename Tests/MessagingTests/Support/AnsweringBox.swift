import Storage
import Synchronization
import Wire

@testable import Messaging

/// Writes a row and tells an event for every toy, and fails where it is told to, or where a toy's number is below zero.
final class AnsweringBox: EventHandler {
    let subscriptions: Set<String>? = ["Toy"]
    let breaks = Mutex<Bool>(true)
    let outbox: Outbox

    init(_ sink: any EventSink) { outbox = Outbox(sink: sink) }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        for event in events {
            guard let toy = event.event as? Toy else { continue }
            try ToyBox.write(toy.number, event.key, in: transaction)
            try outbox.append([context.envelope(Toy(toy.number * 10), key: event.key, because: event)], in: transaction)
            if breaks.withLock({ $0 }) || toy.number < 0 { throw Broken(number: toy.number, event: event.id) }
        }
    }

    private struct Broken: Error, CustomStringConvertible {
        let number: Int64
        let event: Identifier
        var description: String { "toy \(number) of jane.doe@example.com (\(event)) is broken, card 4242424242424242" }
    }
}
