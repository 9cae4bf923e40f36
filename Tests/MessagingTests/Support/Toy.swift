import Messaging
import Storage
import Synchronization
import Wire

/// An event of a business that is not ours.
struct Toy: Event {
    static let type = "Toy"
    static let topic = "toys"
    static let schemaVersion = 1
    static let shape = EventShape("A toy.", [.required("number", .integer, "Which one.")])
    let number: Int64
    init(_ number: Int64) { self.number = number }
    func write(to json: inout JSONWriter) { json.member("number", number) }
    init(from json: JSONObject) throws { number = try json.integer("number") }
}

/// One that the handler does not subscribe to.
struct Noise: Event {
    static let type = "Noise"
    static let topic = "toys"
    static let schemaVersion = 1
    static let shape = EventShape("Nothing of interest.")
    func write(to json: inout JSONWriter) {}
    init() {}
    init(from json: JSONObject) throws {}
}

struct Refused: Error, CustomStringConvertible {
    let number: Int64
    var description: String { "toy \(number) is broken" }
}

/// Writes down every toy that it was given, in its own table, and fails where it is told to.
final class ToyBox: EventHandler {
    static let migrations = [
        Migration(
            version: 1, name: "toys",
            statements: MessagingSchema.statements + ["CREATE TABLE applied (number {serial}, key {id} NOT NULL, value {int} NOT NULL) {heap}"]),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]
    private static let insert = SQL("INSERT INTO applied (key, value) VALUES ($1, $2)")
    private static let select = SQL("SELECT key, value FROM applied ORDER BY number")

    let subscriptions: Set<String>? = ["Toy"]
    private let broken = Mutex<Set<Int64>>([])
    private let deadly = Mutex<Set<Int64>>([])
    private let outages = Mutex<[StorageError]>([])
    /// The sizes of the batches that were tried.
    let batches = Mutex<[Int]>([])

    func breaks(at numbers: Int64...) { broken.withLock { $0 = Set(numbers) } }
    /// The process ends when it handles one of these; see ``MortalDatabase``.
    func ends(at numbers: Int64...) { deadly.withLock { $0 = Set(numbers) } }
    /// The next reactions fail with these, the first first.
    func fails(with errors: [StorageError]) { outages.withLock { $0 = errors } }

    func react(to events: [Envelope], in transaction: any Transaction, context: ServiceContext) throws {
        batches.withLock { $0.append(events.count) }
        for event in events {
            guard let toy = event.event as? Toy else { continue }
            try ToyBox.write(toy.number, event.key, in: transaction)
            if deadly.withLock({ $0.contains(toy.number) }) { throw ProcessEnded() }
            if broken.withLock({ $0.contains(toy.number) }) { throw Refused(number: toy.number) }
        }
        if let outage = outages.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw outage }
    }

    static func write(_ number: Int64, _ key: Identifier, in transaction: any Transaction) throws {
        try transaction.execute(insert, [.id(key), .integer(number)])
    }

    /// What was applied, in order: key number and value.
    static func applied(in database: any Database) async throws -> [Applied] {
        try await database.read { try $0.query(select) { Applied(key: Int($0.id(0).low), value: $0.integer(1)) } }
    }
    struct Applied: Equatable, Sendable {
        let key: Int
        let value: Int64
    }
}
