import Contracts
import Logging
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Messaging
@testable import Notifications

/// Takes messages, or refuses the first few.
private final class FakeChannel: NotificationChannel {
    let name: String
    private let state: Mutex<(refusals: Int, taken: [Message])>

    init(_ name: String = "fake", refusing refusals: Int = 0) {
        self.name = name
        state = Mutex((refusals, []))
    }

    var taken: [Message] { state.withLock { $0.taken } }

    func send(_ message: Message) async throws {
        try state.withLock { state in
            guard state.refusals == 0 else {
                state.refusals -= 1
                throw ChannelFailure("mailbox is full")
            }
            state.taken.append(message)
        }
    }
}

@Suite struct NotificationsServiceTests {
    private let fixture: ServiceFixture
    private let order: OrderID

    init() throws {
        fixture = try ServiceFixture("notifications")
        order = fixture.context.newID()
    }

    private func service(_ channels: any NotificationChannel...) async throws -> NotificationsService {
        let service = NotificationsService(fixture.environment, channels: channels)
        try await fixture.migrate(service)
        return service
    }

    private func pounds(_ minorUnits: Int64) throws -> Money { Money(minorUnits: minorUnits, currency: try #require(Currency("GBP"))) }

    private func confirmed(_ order: OrderID) throws -> Envelope {
        let event = OrderConfirmed(change: .init(from: .reserved, to: .paid), customerID: "c-1", total: try pounds(1999), isPaidOffline: false)
        return fixture.event(event, key: order, version: 3)
    }

    /// All that the service reacts to, for one order.
    private func everything() throws -> [Envelope] {
        [
            try confirmed(order),
            fixture.event(OrderCancelled(change: .init(from: .cancelling, to: .cancelled), customerID: "c-1", reason: "customer"), key: order),
            fixture.event(OrderFailed(change: .init(from: .reserved, to: .failed), customerID: "c-1", reason: "card_declined"), key: order),
            fixture.event(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: "c-1"), key: order),
            fixture.event(OrderDelivered(change: .init(from: .shipped, to: .delivered), customerID: "c-1"), key: order),
            fixture.event(PaymentRefunded(paymentID: order, amount: try pounds(1999)), from: "payments", key: order),
        ]
    }

    private func jobs() async throws -> [Job] {
        let now = fixture.clock.now()
        return try await fixture.database.read { try JobQueue.due(at: now, limit: 100, in: $0) }
    }

    private func items(_ service: NotificationsService) async throws -> [JSONObject] {
        try await service.call("GET", "/notifications", query: [("orderId", order.description)]).json.objects("items")
    }

    @Test func `Each event gives one notification per channel, however often it is delivered`() async throws {
        let service = try await service(FakeChannel("a"), FakeChannel("b"))
        let handler = try #require(service.handler)
        try await fixture.deliverTwice(try everything(), to: handler)
        #expect(try await jobs().count == 12)
        let items = try await items(service)
        #expect(items.count == 12)
        #expect(try Set(items.map { "\(try $0.string("kind")) \(try $0.string("channel"))" }).count == 12)
        #expect(try items.allSatisfy { try $0.string("status") == "PENDING" && $0.integer("attempts") == 0 && $0["sentAt"] == nil })
    }

    @Test func `The service wants exactly the events it can put into words`() async throws {
        let service = try await service(FakeChannel())
        #expect(try Set(everything().map(\.type)) == service.handler?.subscriptions)
    }

    @Test func `A second event of the same kind for an order tells nothing`() async throws {
        let service = try await service(FakeChannel())
        let handler = try #require(service.handler)
        try await fixture.deliverTwice([try confirmed(order)], to: handler)
        try await fixture.deliverTwice([try confirmed(order), try confirmed(order)], to: handler)
        #expect(try await items(service).count == 1)
    }

    @Test func `A message that the channel takes is SENT, and told once`() async throws {
        let channel = FakeChannel()
        let service = try await service(channel)
        let cause = try confirmed(order)
        try await fixture.deliverTwice([cause], to: try #require(service.handler))
        let job = try #require(try await jobs().first)
        fixture.clock.advance(by: .seconds(2))
        await service.jobs.execute(job)
        await service.jobs.execute(job)

        let message = try #require(channel.taken.first)
        #expect(message.subject == "Your order \(order) is confirmed")
        #expect(message.text.contains("19.99 GBP"))
        #expect(message.customerID == "c-1")
        let told = try #require(fixture.events.first)
        let sent = try #require(told.event as? NotificationSent)
        #expect(fixture.events.count == 1)
        #expect((told.key, told.source, told.causationID, told.correlationID) == (order, "notifications", cause.id, cause.correlationID))
        #expect((sent.notificationID, sent.kind, sent.channel) == (message.id, .confirmation, "fake"))
        let item = try #require(try await items(service).first)
        #expect(try item.string("status") == "SENT")
        #expect(try item.timestamp("sentAt") == fixture.clock.now())
        #expect(try item.integer("attempts") == 1)
        #expect(try await jobs().isEmpty)
    }

    @Test func `A channel that recovers before the fourth attempt gets the message once, with the same id`() async throws {
        let channel = FakeChannel(refusing: 3)
        let service = try await service(channel)
        try await fixture.deliverTwice([try confirmed(order)], to: try #require(service.handler))
        for _ in 0..<4 {
            for job in try await jobs() { await service.jobs.execute(job) }
            fixture.clock.advance(by: .seconds(3600))
        }
        #expect(channel.taken.count == 1)
        #expect(fixture.events.map(\.type) == ["NotificationSent"])
        #expect(try await items(service).first?.integer("attempts") == 4)
    }

    @Test func `After four refusals the notification is FAILED, and told once`() async throws {
        let service = try await service(FakeChannel(refusing: .max))
        try await fixture.deliverTwice([try confirmed(order)], to: try #require(service.handler))
        for _ in 0..<8 {
            for job in try await jobs() { await service.jobs.execute(job) }
            fixture.clock.advance(by: .seconds(3600))
        }
        #expect(fixture.events.map(\.type) == ["NotificationFailed"])
        #expect((fixture.events.first?.event as? NotificationFailed)?.reason == "mailbox is full")
        let item = try #require(try await items(service).first)
        #expect(try item.string("status") == "FAILED")
        #expect(try item.integer("attempts") == 4)
        #expect(try item.string("error") == "mailbox is full")
    }

    @Test func `A job survives its way through the database`() throws {
        for event in try everything() {
            let notification = try #require(PendingNotification(event, channel: "log", id: fixture.context.newID()))
            #expect(try PendingNotification(notification.job) == notification)
        }
        #expect(PendingNotification(fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: order), channel: "log", id: order) == nil)
    }

    @Test(arguments: [[], [("orderId", "7")], [("orderId", "")], [("order", "x")]] as [[(String, String)]])
    func `A list without an order's id is refused with 400`(query: [(String, String)]) async throws {
        let service = try await service(FakeChannel())
        let problem = await #expect(throws: Problem.self) { try await service.call("GET", "/notifications", query: query.map { (name: $0.0, value: $0.1) }) }
        #expect(problem?.status == .badRequest)
    }

    @Test func `The log names the customer by id and leaves the text out`() async throws {
        let lines = LogLines()
        let channel = LogChannel(logger: Logger(label: "test") { _ in lines })
        try await channel.send(Message(id: order, orderID: order, kind: .cancellation, customerID: "c-1", subject: "subject", text: "call me: jo@example.com"))
        #expect(lines.all.count == 1)
        let line = try #require(lines.all.first)
        #expect(line.contains("c-1") && line.contains(order.description) && line.contains("cancellation"))
        #expect(!line.contains("example"))
    }
}

/// Keeps log lines.
private final class LogLines: LogHandler {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) { lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") } }
}
