import Contracts
import Messaging
import Web

/// What operators do with dead letters, as they see it.
extension APIOperation {
    static let listDeadLetters = APIOperation(
        "listDeadLetters", .deadLetters, "List dead letters", "Newest event first; with `groupBy=error` they are counted instead.",
        parameters: DeadLetterQuery.parameters + [
            .query("state", .oneOf(DeadLetter.State.allCases.map(\.name) + ["all"]), "`open` where nothing is said."),
            .query("groupBy", .oneOf(["error"]), "Counts those of the same consumer, type and error."),
            .query("limit", .integer(1...500), "How many at most; 50 where nothing is said."),
            .query("cursor", .text(38...250, pattern: "^[a-z]+:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"), "The `nextCursor` of the page before."),
        ],
        APIReply(
            200, "A page of dead letters, or groups of them.",
            .object([
                .required("items", .array(.either([.deadLetter, .deadLetterGroup])), "Dead letters, or groups."),
                .optional("nextCursor", .text, "Where the next page begins."), .optional("total", .count, "How many there are, where they are counted."),
            ])))

    static let getDeadLetter = APIOperation(
        "getDeadLetter", .deadLetters, "Show a dead letter",
        "The event, every attempt with its error, what was done to the letter, and all that happened to its order.", parameters: [.deadLetterID],
        APIReply(200, "The dead letter.", .wholeDeadLetter))

    static let archiveDeadLetter = APIOperation(
        "archiveDeadLetter", .deadLetters, "Put a dead letter aside", "It is kept for 30 days, and in the record of actions.",
        parameters: [.deadLetterID, .query("reason", .line(500), "Why.", isRequired: true, example: "duplicate")],
        APIReply(200, "The dead letter.", .deadLetter), problems: closedProblems, honoursKey: true)

    static let redriveDeadLetter = APIOperation(
        "redriveDeadLetter", .deadLetters, "Apply a dead letter's event after all", parameters: [.deadLetterID],
        body: APIBody(.input([.optional("note", .line(500), "For the record.")]), isRequired: false, example: #"{"note":"the cause is gone"}"#),
        APIReply(200, "It is applied.", .deadLetter), problems: redriveProblems, honoursKey: true)

    static let rehearseDeadLetter = APIOperation(
        "rehearseDeadLetter", .deadLetters, "Try what a redrive would do", "Nothing is done.", parameters: [.deadLetterID],
        body: APIBody(
            .input([
                .optional("event", .map(.anything), "The event as it is to be tried; as it is where nothing is said."),
                .optional("version", .integer(1...Int64.max), "The letter's version that the caller has seen."),
            ]), isRequired: false, example: "{}"),
        APIReply(
            200, "What it would do.",
            .object([
                .required("applies", .boolean, "Whether it can be applied."), .optional("error", .text, "Why not."),
                .required("events", .array(.event), "What it would tell."), .required("jobs", .array(.map(.anything)), "What it would have done outside."),
                .required("writes", .array(.map(.anything)), "What it would write."),
            ])), problems: redriveProblems, honoursKey: true)

    static let editDeadLetter = APIOperation(
        "editDeadLetter", .deadLetters, "Apply an edited event", "If nobody else was first.", parameters: [.deadLetterID],
        body: APIBody(
            .input([
                .required("event", .map(.anything), "The whole event as it is to be applied."),
                .optional("version", .integer(1...Int64.max), "The letter's version that the caller has seen."),
                .optional("note", .line(500), "For the record."),
            ]), example: #"{"event":{},"version":1,"note":"a price was missing"}"#), APIReply(200, "It is applied.", .deadLetter), problems: redriveProblems,
        honoursKey: true)

    static let startRedrive = APIOperation(
        "startRedrive", .deadLetters, "Redrive many dead letters", "In the background, at a rate; with `preview` they are only counted.",
        body: APIBody(
            .input([
                .optional("consumer", .oneOf(Choreography.Participant.allCases.map(\.rawValue)), "Those of one consumer."),
                .optional("type", .line(200), "Those of one type of event."), .optional("error", .line(200), "Whose error has this in it."),
                .optional("orderId", .identifier, "Those of one order."), .optional("from", .timestamp, "Died at this time or later."),
                .optional("to", .timestamp, "Died before this time."), .optional("olderThan", DeadLetterQuery.age, "Died longer ago."),
                .optional("youngerThan", DeadLetterQuery.age, "Died less long ago."), .optional("all", .boolean, "Must be true where no filter is given."),
                .optional("preview", .boolean, "Counts only."), .optional("rate", .integer(1...1000), "How many a second; 10 where nothing is said."),
                .optional("stopAfter", .integer(1...1_000_000), "Failures in a row after which it stops; 5 where nothing is said."),
            ]), example: #"{"consumer":"payments","preview":true}"#),
        APIReply(
            200, "What would be redriven.",
            .object([
                .required("total", .count, "How many."), .required("seconds", .count, "How long it would take."),
                .required("groups", .array(.deadLetterGroup), "By error."),
            ])),
        APIReply(
            202, "It has begun.", .redrive, headers: [("Location", "How far it is.")], links: [APILink("getRedrive", "run"), APILink("stopRedrive", "run")]),
        problems: [APIProblem(409, "redrive-under-way", "Another redrive is under way.")], honoursKey: true)

    static let listRedrives = APIOperation(
        "listRedrives", .deadLetters, "List redrives", "The last ones, newest first.", parameters: [], APIReply(200, "The redrives.", .list(of: .redrive)))
    static let getRedrive = APIOperation(
        "getRedrive", .deadLetters, "Show how far a redrive is", parameters: [.redriveID], APIReply(200, "The redrive.", .redrive))
    static let stopRedrive = APIOperation(
        "stopRedrive", .deadLetters, "End a redrive", "What was redriven stays so.", parameters: [.redriveID], APIReply(200, "The redrive.", .redrive),
        honoursKey: true)

    static let listActions = APIOperation(
        "listAdminActions", .deadLetters, "List what administrators did",
        "Newest first. What was done to keys, programs, people and tokens is among it for who may read that (`identity:read`).",
        parameters: [
            .query("actor", .filter(200), "By one person."), .query("action", .filter(200), "Of one kind."),
            .query("subject", .filter(300), "To one thing."),
        ] + APIParameter.page(), APIReply(200, "A page of actions.", .page(of: .adminAction)))

    private static let closedProblems = [APIProblem(409, "dead-letter-closed", "Somebody was first.")]
    private static let redriveProblems = [
        APIProblem(409, "dead-letter-closed", "Somebody was first."), APIProblem(409, "dead-letter-changed", "It was edited since the caller saw it."),
        APIProblem(409, "dead-letter-behind", "An earlier event of the same order lies dead as well; `behind` names it."),
        APIProblem(422, "redrive-failed", "The event still cannot be applied."),
    ]
}

extension APIParameter {
    static let deadLetterID = APIParameter.path(
        "id", "The dead letter: consumer and event.", .text(38...250), example: "payments:019a4c1e-77a0-7c3d-8f11-2b6d0a5c9e42")
    static let redriveID = APIParameter.path("run", "The redrive.")
}

extension DeadLetterQuery {
    static let age = APISchema.text(2...20, pattern: "^[0-9]{1,4}[smhd]$")

    /// The filters of a list.
    static let parameters: [APIParameter] = [
        .query("consumer", .oneOf(Choreography.Participant.allCases.map(\.rawValue)), "Those of one consumer."),
        .query("type", .line(200), "Those of one type of event."), .query("error", .line(200), "Whose error has this in it."),
        .query("orderId", .identifier, "Those of one order."), .query("from", .timestampOrDay, "Died at this time or later."),
        .query("to", .timestampOrDay, "Died before this time."), .query("olderThan", age, "Died longer ago: 90s, 10m, 2h or 7d."),
        .query("youngerThan", age, "Died less long ago."),
    ]
}
