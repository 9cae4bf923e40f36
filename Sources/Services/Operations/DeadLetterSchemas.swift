import Messaging
import Web

/// Dead letters as answers show them; ``DeadLetterJSON`` writes them.
extension APISchema {
    private static let letterMembers: [APIMember] = [
        .required("id", .text, "The dead letter: consumer and event."), .required("consumer", .text, "Who could not apply it."),
        .required("eventId", .identifier, "The event."), .required("orderId", .identifier, "The order, or the product, it is about."),
        .required("type", .text, "The type of event."), .required("topic", .text, "Where it lies."),
        .required("state", .oneOf(DeadLetter.State.allCases.map(\.name)), "What became of it."), .required("version", .count, "Counts its changes."),
        .required("attempts", .count, "How often it was tried."), .required("error", .text, "How the last attempt ended."),
        .required("errorGroup", .text, "The error without what differs from event to event."), .required("parkedAt", .timestamp, "When it first failed."),
        .required("diedAt", .timestamp, "When it was given up."), .optional("closedAt", .timestamp, "When it was closed."),
        .optional("closedBy", .text, "By whom."), .optional("reason", .text, "Why."), .required("edited", .boolean, "Whether it was changed."),
    ]
    static let deadLetter = APISchema.component("DeadLetter", .object(letterMembers))
    static let wholeDeadLetter = APISchema.component(
        "DeadLetterFile",
        .object(
            letterMembers + [
                .required("parkedBehind", .count, "Later events of the same order that wait for it."),
                .optional("behind", .text, "The dead letter it waits for."),
                .required("headers", .map(.text), "CloudEvents attributes."), .required("event", .anything, "The event."),
                .optional("original", .anything, "The event before it was edited."),
                .required(
                    "failures",
                    .array(
                        .object([
                            .required("attempt", .count, "Which attempt."), .required("at", .timestamp, "When."), .required("error", .text, "How it ended."),
                        ])), "Every attempt."),
                .required("actions", .array(.adminAction), "What was done to it."),
                .required("timeline", .array(.timelineEntry), "All that happened to its order."),
            ]))
    static let deadLetterGroup = APISchema.component(
        "DeadLetterGroup",
        .object([
            .required("consumer", .text, "Who could not apply them."), .required("type", .text, "The type of event."),
            .required("error", .text, "Their error."),
            .required("count", .count, "How many."), .required("oldest", .timestamp, "When the first died."),
            .required("newest", .timestamp, "When the last died."),
            .required("example", .text, "One of them."),
        ]))
    static let adminAction = APISchema.component(
        "AdminAction",
        .object([
            .required("id", .identifier, "The action."), .required("at", .timestamp, "When."), .required("actor", .text, "By whom."),
            .required("action", .text, "What."), .required("subject", .text, "To what."), .optional("before", .anything, "What was before."),
            .optional("after", .anything, "What was afterwards."),
        ]))
    static let redrive = APISchema.component(
        "Redrive",
        .object([
            .required("id", .identifier, "The redrive."),
            .required("state", .oneOf(["running", "finished", "stopped", "cancelled", "interrupted"]), "How far it is."),
            .required("actor", .text, "Who began it."), .required("total", .count, "How many there were."), .required("redriven", .count, "Applied."),
            .required("failed", .count, "Failed again."), .required("skipped", .count, "Closed by somebody else meanwhile."),
            .required("rate", .count, "How many a second."), .required("stopAfter", .count, "Failures in a row after which it stops."),
            .optional("lastError", .text, "How the last failure ended."), .required("startedAt", .timestamp, "When it began."),
            .optional("finishedAt", .timestamp, "When it ended."), .required("filter", .map(.anything), "Which letters are meant."),
        ]))
}
