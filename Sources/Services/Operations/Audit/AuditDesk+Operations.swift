import Contracts
import Web

/// The auditor as operators see it.
extension APIOperation {
    static let showAudit = APIOperation(
        "showAudit", .audit, "Show what the audit found", "What stands of the audit in the background, and how far it is.", parameters: [],
        APIReply(
            200, "What stands.",
            .object([
                .required("clean", .boolean, "Whether nothing stands."), .optional("lastAt", .timestamp, "When it last looked."),
                .optional("sweptAt", .timestamp, "When it had last seen everything."), .required("ordersSwept", .count, "Orders seen in this round."),
                .required("openOrders", .count, "Orders on their way."), .required("overdueOrders", .count, "Those beyond their limit."),
                .required("findings", .array(.finding), "What stands."),
            ])))

    static let runAudit = APIOperation(
        "runAudit", .audit, "Audit now",
        "Everything, one order (`orderId`), or the next `limit` orders behind `cursor`; with `repair`, what can be done about the findings is done.",
        body: APIBody(
            .input([
                .optional("repair", .boolean, "Does what can be done."), .optional("orderId", .identifier, "One order; excludes cursor and limit."),
                .optional("cursor", .identifier, "Behind this order; needs a limit."), .optional("limit", .integer(1...50_000), "So many orders."),
            ]), isRequired: false, example: "{}"),
        APIReply(
            200, "The report.",
            .object([
                .required("clean", .boolean, "Whether nothing was found."), .required("total", .count, "How many orders there are."),
                .required("orders", .count, "Orders looked at."), .required("products", .count, "Products looked at."),
                .required("moving", .count, "Orders on their way, which most rules could not judge."),
                .required("findings", .array(.finding), "What was found."),
                .required("undecided", .array(.identifier), "Orders that looked wrong and were still changing."),
                .required("repairs", .array(.repair), "What was done."), .optional("next", .identifier, "Where to go on."),
            ])), honoursKey: true)

    static let listRules = APIOperation(
        "listAuditRules", .audit, "List what is checked", parameters: [],
        APIReply(
            200, "The rules.",
            .list(
                of: .object([
                    .required("id", .text, "The rule."), .required("title", .text, "What must hold."), .required("about", .text, "What it is about."),
                    .required("applies", .text, "When it is checked."), .required("proposal", .text, "What would put it right."),
                    .required("standing", .count, "Findings that stand."),
                ]))))

    static let listStuckOrders = APIOperation(
        "listStuckOrders", .audit, "List orders that wait too long", "Or, with `overdue=false`, all that are open.",
        parameters: [
            .query("overdue", .boolean, "`true` where nothing is said."),
            .query("status", .oneOf(["CREATED", "RESERVED", "CANCELLING"]), "Those that stand there."),
            .query("party", .filter(64), "Those that wait for it.", example: "payments"),
            .query("limit", .integer(1...500), "How many at most; 100 where nothing is said."),
        ],
        APIReply(
            200, "The orders, each with what it waits for.",
            .object([.required("count", .count, "How many there are."), .required("items", .array(.explanation), "The first of them.")])))

    static let explainOrder = APIOperation(
        "explainOrder", .audit, "Explain an order", "What it waits for, since when, and what can be done.", parameters: [.orderID],
        APIReply(200, "The explanation.", .explanation))

    static let resumeOrder = APIOperation(
        "resumeOrder", .audit, "Have an order go on", "Does again what is missing for it to go on.", parameters: [.orderID], body: nothing,
        APIReply(200, "What was done.", .repairedOrder), problems: [APIProblem(409, "nothing-to-resume", "Nothing is missing that could be done again.")],
        honoursKey: true)

    static let compensateOrder = APIOperation(
        "compensateOrder", .audit, "Give an order up", "Cancels it, or puts right what its cancellation left.", parameters: [.orderID], body: nothing,
        APIReply(200, "What was done.", .repairedOrder),
        problems: [APIProblem(409, "nothing-to-compensate", "There is nothing that could be given back by itself.")], honoursKey: true)

    private static let nothing = APIBody(.input([]), isRequired: false, example: "{}")
}

extension APISchema {
    private static let findingMembers: [APIMember] = [
        .required("rule", .text, "The rule."), .optional("orderId", .identifier, "The order it is about."),
        .optional("productId", .identifier, "The product it is about."), .optional("service", .text, "The service it is about."),
        .required("evidence", .text, "What the records say."), .required("proposal", .text, "What would put it right."),
        .required("repairable", .boolean, "Whether that can be done here."),
    ]
    static let finding = APISchema.component("Finding", .object(findingMembers + [.optional("since", .timestamp, "Since when it stands.")]))
    static let repair = APISchema.component(
        "Repair",
        .object(
            findingMembers + [
                .optional("action", .text, "What was to be done."), .required("done", .boolean, "Whether it was."),
                .optional("before", .text, "What was before."),
                .optional("after", .text, "What is now."), .optional("refused", .text, "Why it was not done."),
            ]))
    static let explanation = APISchema.component(
        "Explanation",
        .object([
            .required("id", .identifier, "The order."), .optional("status", .text, "Where it stands."), .required("version", .count, "Counts its changes."),
            .required("settled", .boolean, "Whether nothing more happens by itself."), .required("words", .text, "The whole in sentences."),
            .required("since", .timestamp, "Since when it stands there."), .optional("limit", .timestamp, "When it must be settled."),
            .required("overdue", .boolean, "Whether that is over."),
            .required(
                "waitsFor",
                .array(
                    .object([
                        .required("party", .text, "Who has to do something."), .required("what", .text, "What."),
                        .optional("nextAttemptAt", .timestamp, "When it is tried next."),
                    ])), "What has to happen."), .required("advice", .array(.text), "What an operator can do."),
            .required("findings", .array(.finding), "What the rules object to now."),
        ]))
    static let repairedOrder = APISchema.object([
        .required(
            "done",
            .array(
                .object([
                    .optional("action", .text, "What was to be done."), .required("because", .text, "Why."), .optional("before", .text, "What was before."),
                    .optional("after", .text, "What is now."), .optional("refused", .text, "Why it was not done."),
                ])), "What was done."), .required("order", .explanation, "The order as it stands now."),
    ])
}
