import GraphQL
import Web
import Wire

/// Lists in pages, as clients of GraphQL know them (Relay's cursor connections). A page of a route is the object of a connection.
extension WaybillSchema {
    /// The types of a list of things of a type.
    static func connection(of type: String, _ description: String) -> [TypeDefinition] {
        [
            .object(
                ObjectType(
                    "\(type)Connection", description,
                    [
                        .computed("edges", "[\(type)Edge!]!", "The elements with their cursors.") { $0.object["items"] ?? .array([]) },
                        .computed("nodes", "[\(type)!]!", "The elements.") { $0.object["items"] ?? .array([]) },
                        .computed("pageInfo", "PageInfo!") { $0.object },
                    ])),
            .object(
                ObjectType(
                    "\(type)Edge", "An element of a page.",
                    [
                        .computed("cursor", "String!", "Where the list goes on behind this element.") { .string(cursor($0.object)) },
                        .computed("node", "\(type)!") { $0.object },
                    ])),
        ]
    }

    static let pageInfo = ObjectType(
        "PageInfo", "Where a page lies in its list.",
        [
            .computed("hasNextPage", "Boolean!") { .bool($0.object["nextCursor"]?.string != nil) },
            .computed("hasPreviousPage", "Boolean!", "Always false: lists are read forwards.") { _ in .bool(false) },
            .computed("startCursor", "String") { ($0.object["items"]?[0]).map { .string(cursor($0)) } ?? .null },
            .computed("endCursor", "String", "What to give as \"after\" for the next page.") { input in
                (input.object["items"]?.array?.last).map { .string(cursor($0)) } ?? .null
            },
        ])

    private static func cursor(_ element: JSONValue) -> String { element["id"]?.string.flatMap { Identifier($0) }.map { Page.cursor(of: $0) } ?? "" }
}
