import GraphQL
import Wire

/// The business in numbers. Maps of the routes are lists here: GraphQL knows no maps.
extension WaybillSchema {
    static let figures: [TypeDefinition] = [
        .object(dashboard), .object(metrics), .object(sales), .object(bucket), .object(latency), .object(count), .object(statusCount),
        .enumeration(granularity),
    ]

    /// The arguments of the dashboard.
    static let range = [
        InputValue("from", "DateTime", "Placed then or later."), InputValue("to", "DateTime", "Placed before."),
        InputValue("top", "Int", "How many products, 1 to 1000.", default: .number("20")),
        InputValue("granularity", "Granularity", "The finest buckets of time.", default: .string("MONTH")),
    ]

    /// The same as parameters of the route.
    static func dashboardQuery(_ input: FieldInput) -> [String: String] {
        var query = ["from", "to"].reduce(into: [String: String]()) { $0[$1] = input.arguments[$1]?.string }
        query["top"] = input.arguments["top"]?.integer.map { String($0) }
        query["granularity"] = input.arguments["granularity"]?.string?.lowercased()
        return query
    }

    private static let dashboard = ObjectType(
        "Dashboard", "Revenue, orders, products and failures.",
        [
            .computed("ordersByStatus", "[StatusCount!]!", size: 8) { list($0.object["ordersByStatus"], "status") },
            FieldDefinition("totals", "Sales!", "Of all currencies; amounts only where there is one."),
            .computed("byCurrency", "[Sales!]!", size: 3) { .array($0.object["byCurrency"]?.object?.members.map(\.value) ?? []) },
            buckets("byMonth", size: 12), buckets("byDay", "Where the granularity is DAY or HOUR.", size: 100),
            buckets("byHour", "Where the granularity is HOUR.", size: 500), buckets("byCountry", size: 40),
            buckets("topProducts", "The products with the highest revenue, by SKU.", size: 20),
            FieldDefinition("createdToPaidMs", "Latency!", "From accepted to paid."),
            .computed("failuresByReason", "[Count!]!", "The 100 commonest reasons.", size: 20) {
                list($0.object["failuresByReason"], "name")
            },
            FieldDefinition("updatedThrough", "DateTime", "Events until then are counted."), FieldDefinition("rebuilding", "Boolean!"),
        ])

    private static func buckets(_ name: String, _ description: String? = nil, size: Int) -> FieldDefinition {
        FieldDefinition(name, "[SalesBucket!]", description, size: size)
    }

    private static let metrics = ObjectType(
        "Metrics", "How much was counted.",
        [
            FieldDefinition("events", "Long!"),
            .computed("eventsByType", "[Count!]!", size: 30) { list($0.object["eventsByType"], "name") },
            FieldDefinition("createdToPaidMs", "Latency!", "From accepted to paid."), FieldDefinition("updatedThrough", "DateTime"),
            FieldDefinition("rebuilding", "Boolean!"),
        ])

    private static let sales = ObjectType(
        "Sales", "What was sold.",
        [
            FieldDefinition("orders", "Long!"), FieldDefinition("lines", "Long!"), FieldDefinition("units", "Long!"), FieldDefinition("revenue", "Decimal"),
            FieldDefinition("captured", "Decimal"), FieldDefinition("refunded", "Decimal"), FieldDefinition("averageOrderValue", "Decimal"),
            FieldDefinition("currency", "String"),
        ])

    private static let bucket = ObjectType(
        "SalesBucket", "What was sold in a month, a day, an hour, a country, or of a product.",
        [
            .computed("key", "String!", "The month, day, hour, country or SKU.") { input in
                ["month", "day", "hour", "country", "sku"].lazy.compactMap { input.object[$0] }.first ?? .null
            },
            FieldDefinition("orders", "Long!"), FieldDefinition("lines", "Long!"), FieldDefinition("units", "Long!"), FieldDefinition("revenue", "Decimal!"),
            FieldDefinition("currency", "String!"),
        ])

    private static let latency = ObjectType(
        "Latency", "How long something took, in milliseconds; null where nothing was measured.",
        [FieldDefinition("p50", "Float"), FieldDefinition("p95", "Float"), FieldDefinition("p99", "Float"), FieldDefinition("count", "Long!")])

    private static let count = ObjectType("Count", "How often something was.", [FieldDefinition("name", "String!"), FieldDefinition("count", "Long!")])
    private static let statusCount = ObjectType(
        "StatusCount", "How many orders stand somewhere.", [FieldDefinition("status", "OrderStatus!"), FieldDefinition("count", "Long!")])

    private static let granularity = EnumType("Granularity", "How fine buckets of time are.", [.init("MONTH"), .init("DAY"), .init("HOUR")])

    /// A map of counts as a list of objects.
    private static func list(_ map: JSONValue?, _ key: String) -> JSONValue {
        .array(
            (map?.object?.members ?? []).map { member in
                .object(JSONObject(members: [.init(key: key, value: .string(member.key)), .init(key: "count", value: member.value)]))
            })
    }
}
