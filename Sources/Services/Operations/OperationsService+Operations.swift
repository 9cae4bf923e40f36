import Contracts
import Web
import Wire

/// The log of events as its users see it.
extension APIOperation {
    static let getOrderEvents = APIOperation(
        "getOrderEvents", .events, "Show an order's timeline", "Everything that happened to it, causes before effects.", parameters: [.orderID],
        APIReply(200, "Its events.", .list(of: .timelineEntry)))

    static let followOrder = APIOperation(
        "followOrder", .events, "Follow an order",
        "Server-sent events: all events of the order so far, then the new ones. Goes on behind `Last-Event-ID`. An order without events gives a silent stream.",
        parameters: [.orderID, .header("Last-Event-ID", .identifier, "The last event that the caller saw.")],
        APIReply(200, "Its events, as long as the caller listens.", .text, contentType: "text/event-stream"))

    static let listEvents = APIOperation(
        "listEvents", .events, "List events", "The log in pages, oldest first. `next` is the place to go on from, whether there is more by now or only later.",
        parameters: [
            .query("after", .count, "Behind this place; 0 is the beginning."),
            .query("limit", .integer(1...1000), "How many at most; 100 where nothing is said."), .eventTypes,
        ],
        APIReply(
            200, "A page of the log.",
            .object([
                .required(
                    "items",
                    .array(.object([.required("sequence", .count, "Its place in the log."), .required("body", .event, "The event.")])), "The page."),
                .required("next", .count, "Where to go on."), .required("more", .boolean, "Whether there is more by now."),
            ])))

    static let followEvents = APIOperation(
        "followEvents", .events, "Follow all events", "Server-sent events: everything from now on, or behind `after` or `Last-Event-ID`.",
        parameters: [
            .query("after", .integer(-1...Int64.max), "Behind this place; -1 for what comes from now on."), .eventTypes,
            .header("Last-Event-ID", .count, "The place of the last event that the caller saw."),
        ], APIReply(200, "The events, as long as the caller listens.", .text, contentType: "text/event-stream"))

    static let listSchemas = APIOperation(
        "listEventSchemas", .events, "List the schemas of all events", parameters: [],
        APIReply(
            200, "Every type of event.",
            .list(
                of: .object([
                    .required("type", .text, "Its name."), .required("version", .count, "Its newest version."),
                    .required("versions", .array(.count), "All versions."), .required("topic", .text, "Where it is told."),
                    .required("description", .text, "What it says."), .required("schema", .text, "The path of its schema."),
                ]))))

    static let getSchema = APIOperation(
        "getEventSchema", .events, "Show the schema of an event", "JSON Schema 2020-12.",
        parameters: [
            .path("type", "The type of event.", .oneOf(EventCatalog.types.map { $0.type }), example: "OrderCreated"),
            .query("version", .integer(1...9999), "The newest where nothing is said."),
        ], APIReply(200, "The schema.", .map(.anything), contentType: "application/schema+json"))
}

extension APITag {
    static let events = APITag("Events", rank: 6, "Everything that happened, as it happened.")
    static let deadLetters = APITag("Dead letters", rank: 20, "Events that could not be applied, and what is done about them.")
    static let audit = APITag("Audit", rank: 21, "Whether all services' records agree, and what orders wait for.")
}

extension APIParameter {
    static let orderID = APIParameter.path("id", "The order.")
    static let eventTypes = APIParameter.query(
        "type", .text(1...2000, pattern: "^(\(names))(,(\(names)))*$"), "Of these types only, with commas.", example: "OrderCreated,OrderConfirmed")
    private static let names = EventCatalog.types.map { $0.type }.joined(separator: "|")
}

extension APISchema {
    /// An event of any type; ``APIOperation/getSchema`` gives the schema of each.
    static let event = APISchema.component(
        "Event",
        .object([
            .required("eventId", .identifier, "The event."), .required("type", .text, "What happened."), .required("schemaVersion", .count, "Of its form."),
            .required("source", .text, "The service that says it."), .required("timestamp", .timestamp, "When."),
            .required("correlationId", .identifier, "What set it all in motion."), .optional("causationId", .identifier, "The event that caused it."),
            .optional("orderId", .identifier, "The order it is about."), .optional("productId", .identifier, "The product it is about."),
            .optional("version", .count, "The order's version after it."),
        ]))
    static let timelineEntry = APISchema.component(
        "TimelineEntry",
        .object([
            .required("eventId", .identifier, "The event."), .required("type", .text, "What happened."), .optional("service", .text, "Who says so."),
            .optional("time", .timestamp, "When."), .optional("causationId", .identifier, "The event that caused it."),
            .optional("correlationId", .identifier, "What set it all in motion."), .optional("version", .count, "The order's version after it."),
            .required("data", .event, "The event."),
        ]))
}
