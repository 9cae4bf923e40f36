import Contracts
import Web

/// What Analytics offers, as its users see it.
extension APIOperation {
    static let showDashboard = APIOperation(
        "showDashboard", .analytics, "Show the dashboard", "Of all orders, or of those placed from `from` until before `to`.",
        parameters: [
            .query("from", .timestampOrDay, "Placed at this time or later."), .query("to", .timestampOrDay, "Placed before this time."),
            .query("top", .integer(1...1000), "How many products; 20 where nothing is said."),
            .query("granularity", .oneOf(Dashboard.Granularity.allCases.map(\.rawValue)), "The finest buckets of time."),
        ], APIReply(200, "The numbers of the business.", .dashboard))

    static let showMetrics = APIOperation(
        "showAnalyticsMetrics", .analytics, "Show what was counted", "How many events and rows, and how fast orders are paid.",
        parameters: [],
        APIReply(
            200, "The counts.",
            .object([
                .required("events", .count, "All events."), .required("eventsByType", .map(.count), "By their type."),
                .required(
                    "rows",
                    .object([
                        .required("orders", .count, "Orders."), .required("hours", .count, "Hours with sales."),
                        .required("countries", .count, "Countries."), .required("products", .count, "Products."),
                    ]), "What the sums are made of."),
                .required("createdToPaidMs", .latency, "From placing to payment."),
                .optional("updatedThrough", .timestamp, "The newest event that is counted."),
                .required("rebuilding", .boolean, "Whether all is being counted anew."),
                .required("generation", .count, "How often it was counted anew."),
            ])))

    static let rebuildAnalytics = APIOperation(
        "rebuildAnalytics", .analytics, "Count everything anew", "Reads the whole log; the answer comes when all is counted, which may take minutes.",
        parameters: [],
        APIReply(
            200, "All is counted.",
            .object([
                .required("events", .count, "Events read."), .required("skipped", .count, "Those that could not be counted."),
                .required("missing", .count, "Those that had been counted before and are not in the log."), .required("seconds", .number, "How long it took."),
            ])), problems: [APIProblem(409, "rebuild-in-progress", "It is being done already.")], honoursKey: true)
}

extension APITag {
    static let analytics = APITag("Analytics", rank: 5, "The business in numbers.")
}

extension APISchema {
    static let latency = APISchema.component(
        "Latency",
        .object([
            .optional("p50", .count, "Half are faster, in milliseconds."), .optional("p95", .count, "95 of 100 are."),
            .optional("p99", .count, "99 of 100 are."),
            .required("count", .count, "How many there are."),
        ]))

    private static let figureMembers: [APIMember] = [
        .required("orders", .integer(Int64.min...Int64.max), "Orders."), .required("lines", .integer(Int64.min...Int64.max), "Their lines."),
        .required("units", .integer(Int64.min...Int64.max), "Their units."),
    ]
    private static let totals = APISchema.component(
        "Totals",
        .object(
            figureMembers + [
                .optional("revenue", .amount, "What was sold."), .optional("captured", .amount, "What was taken."),
                .optional("refunded", .amount, "What was given back."), .optional("averageOrderValue", .amount, "Revenue by orders."),
                .optional("currency", .text(3...3), "Of the amounts; not there where there are several."),
            ]))
    private static func bucket(_ name: String, _ about: String) -> APISchema {
        .array(
            .object(
                [.required(name, .text, about)] + figureMembers + [
                    .required("revenue", .amount, "What was sold."), .required("currency", .text(3...3), "Of it."),
                ]))
    }

    static let dashboard = APISchema.component(
        "Dashboard",
        .object([
            .required("ordersByStatus", .map(.count), "How many stand where."), .required("totals", totals, "Everything."),
            .required("byCurrency", .map(totals), "The same by currency."), .required("byMonth", bucket("month", "Such as 2026-11."), "By month."),
            .optional("byDay", bucket("day", "Such as 2026-11-21."), "By day, where that is asked for."),
            .optional("byHour", bucket("hour", "Such as 2026-11-21T13:00Z."), "By hour, where that is asked for."),
            .required("byCountry", bucket("country", "Where it goes."), "By country."), .required("topProducts", bucket("sku", "The product."), "Sold best."),
            .required("createdToPaidMs", latency, "From placing to payment."), .required("failuresByReason", .map(.count), "Why orders came to nothing."),
            .optional("updatedThrough", .timestamp, "The newest event that is counted."),
            .required("rebuilding", .boolean, "Whether all is being counted anew."),
        ]))
}
