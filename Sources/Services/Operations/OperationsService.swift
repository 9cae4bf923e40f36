import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Web
import Wire

/// The archive of all events: the timeline of an order, the log, and both as live streams.
public final class OperationsService: ServiceModule {
    public let database: any Database
    /// Wakes those who follow the events.
    public let live: LiveEvents
    /// Sends messages to endpoints outside; nil where nobody can.
    public let dispatcher: WebhookDispatcher?
    private let environment: ServiceEnvironment
    private let webhooks: WebhookConfiguration
    private let messages = TaskSignal()

    /// The service on its database.
    public init(_ environment: ServiceEnvironment, live: LiveEvents = LiveEvents(), webhooks: WebhookConfiguration = WebhookConfiguration()) {
        (self.environment, self.live, self.webhooks) = (environment, live, webhooks)
        database = environment.database
        dispatcher = webhooks.client.map { [messages] in WebhookDispatcher(webhooks, client: $0, environment: environment, signal: messages) }
    }

    public let name = Choreography.Participant.operations.rawValue

    /// The schema of its database.
    public static let migrations = [
        Migration(version: 1, name: "the archive of events", statements: MessagingSchema.statements + EventArchive.statements),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), EventArchive.order(version: 4),
        MessagingSchema.deadLetterTopics(version: 5),
        Migration(version: 6, name: "redrives of many dead letters", statements: DeadLetterRunTable.statements),
        Migration(version: 7, name: "what the audit found", statements: AuditTable.statements),
        Migration(version: 8, name: "webhooks and their messages", statements: WebhookTable.statements + WebhookDeliveryTable.statements),
    ]
    public var migrations: [Migration] { Self.migrations }

    public var handler: (any EventHandler)? { ArchiveEvents(live: live, messages: messages) }

    public var routes: [Route] {
        let timeline = ShowTimeline(database: database)
        let list = ListEvents(database: database)
        let follow = FollowEvents(database: database, live: live)
        let schemas = ShowSchemas()
        return [
            Route(.get, "/orders/{id}/events", .getOrderEvents, access: .timeline) { try await timeline($0) },
            Route(.get, "/orders/{id}/stream", .followOrder, access: .timeline, answer: .stream) { try await follow.order($0) },
            Route(.get, "/events", .listEvents, access: .log) { try await list($0) },
            Route(.get, "/events/stream", .followEvents, access: .log, answer: .stream) { try await follow.all($0) },
            Route(.get, "/events/schemas", .listSchemas, access: .everyone) { try schemas.list($0) },
            Route(.get, "/events/schemas/{type}", .getSchema, access: .everyone) { try schemas.one($0) },
        ] + webhookRoutes
    }

    private var webhookRoutes: [Route] {
        let keys = IdempotentWrite(database: database, context: environment.context)
        let webhooks = WebhookRequests(environment: environment, configuration: self.webhooks, keys: keys, messages: messages)
        let deliveries = WebhookDeliveryRequests(environment: environment, keys: keys, messages: messages)
        return [
            Route(.post, "/webhooks", .createWebhook, access: .webhookWriters, webhooks.create),
            Route(.get, "/webhooks", .listWebhooks, access: .webhookReaders, webhooks.list),
            Route(.get, "/webhooks/{id}", .getWebhook, access: .webhookReaders, webhooks.show),
            Route(.patch, "/webhooks/{id}", .changeWebhook, access: .webhookWriters, webhooks.change),
            Route(.delete, "/webhooks/{id}", .deleteWebhook, access: .webhookWriters, webhooks.delete),
            Route(.post, "/webhooks/{id}/test", .testWebhook, access: .webhookWriters, webhooks.test),
            Route(.post, "/webhooks/{id}/rotate-secret", .rotateWebhookSecret, access: .webhookWriters, webhooks.rotateSecret),
            Route(.get, "/webhooks/{id}/deliveries", .listWebhookDeliveries, access: .webhookReaders, deliveries.list),
            Route(.get, "/webhooks/{id}/deliveries/{delivery}", .getWebhookDelivery, access: .webhookReaders, deliveries.show),
            Route(.post, "/webhooks/{id}/deliveries/{delivery}/redeliver", .redeliverOne, access: .webhookWriters, deliveries.redeliver),
            Route(.post, "/webhooks/{id}/redeliver", .redeliverSince, access: .webhookWriters, deliveries.redeliverSince),
        ]
    }

    public var runners: [any Service] {
        let keeper = KeepStreamsAlive(live: live, clock: environment.context.clock)
        let own = [keeper as any Service] + (dispatcher.map { [$0] } ?? [])
        if environment.role.isAlone { return own }
        return own + [WatchArchive(database: database, live: live, clock: environment.context.clock, logger: environment.logger)]
    }

    /// Stored events behind a sequence number, decoded; empty at the end. Types that this program does not know are left out.
    /// - Throws: ``StorageError``; ``UnknownEvent`` for a version of a known type that is too new: what is counted without it would be wrong.
    public func history(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, envelope: Envelope)] {
        var last = sequence
        while true {
            let after = last
            let page = try await database.read { try EventArchive.page(EventFilter(), after: after, limit: limit, in: $0) }
            let events: [(sequence: Int64, envelope: Envelope)] = try page.events.compactMap { event in
                guard EventCatalog.registry[event.type] != nil else { return nil }
                return (event.sequence, try Envelope(body: event.body, registry: EventCatalog.registry))
            }
            if !events.isEmpty || page.isEnd { return events }
            last = page.last
        }
    }

    /// The newest event's place in the archive; 0 for none.
    public func lastSequence() async throws -> Int64 { try await database.read { try EventArchive.last(in: $0) } }

    /// The events behind a place, then the live ones, for callers inside the process.
    public func tail(_ filter: EventFilter = EventFilter(), after sequence: Int64) -> EventTail {
        EventTail(filter, after: sequence, database: database, live: live)
    }
}

extension Access {
    /// An order's own events: whoever may see the order.
    fileprivate static let timeline = Access.roles([.customer, .support, .warehouse, .finance, .admin, .service], .readEvents, own: .orderInPath("id"))
    /// Everybody's events.
    fileprivate static let log = Access.roles([.support, .admin, .service], .readEvents)
    /// Who looks after the platform's running.
    static let operators = Access.roles([.support, .admin], .readOperations)
    /// Who mends it.
    static let administrators = Access.roles([.admin], .writeOperations)
    /// Programs of the house, each for its own endpoints, and administrators for all. No customer: messages tell of everybody's orders.
    static let webhookReaders = Access.roles([.admin, .service], .readWebhooks)
    static let webhookWriters = Access.roles([.admin, .service], .writeWebhooks)
}
