import ArgumentParser
import Platform
import WaybillClient
import Wire

/// `waybill identity`.
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Whom the platform's own Identity knows: programs, people, API keys, and the keys that sign.",
        discussion: """
            Examples:
              waybill identity client create shop --role service
              waybill identity key create importer --role service --scope inventory:write --expires 90d
              waybill identity user create alice --role customer < password.txt
              waybill identity key revoke 01890a5d-ac96-774b-bcce-b302099a8057
              waybill identity token revoke --subject alice
              waybill identity signing-key rotate
            """,
        subcommands: [IdentityClientCommand.self, IdentityKeyCommand.self, IdentityUserCommand.self, IdentityTokenCommand.self, SigningKeyCommand.self])

    /// Roles and scopes of somebody who is registered.
    struct Rights: ParsableArguments {
        @Option(help: "What it or he may be. May be repeated.")
        var role: [String]

        @Option(help: "Bind to a scope, such as orders:read. May be repeated.")
        var scope: [String] = []

        var scopes: [String]? { scope.isEmpty ? nil : scope }
    }

    /// Shows all of a kind.
    static func list(_ kind: IdentityKind, _ columns: [(String, String)], _ client: ClientOptions) async throws {
        var items: [JSONObject] = []
        try await client.withAPI { api in try await api.eachIdentity(kind) { items.append($0) } }
        show(items, columns, client)
    }

    /// Shows members of documents.
    /// - Parameter columns: the head of each, and the member that stands there.
    static func show(_ items: [JSONObject], _ columns: [(String, String)], _ client: ClientOptions) {
        client.show(items, none: "There are none.", table(items, columns))
    }

    private static func table(_ items: [JSONObject], _ columns: [(String, String)]) -> Table {
        var table = Table(columns.map(\.0))
        for item in items { table.add(columns.map { text(item[$0.1]) }) }
        return table
    }

    /// Shows what was just made, whose secret nobody sees a second time.
    /// - Parameter member: where the secret stands.
    static func show(_ made: JSONObject, secret member: String, is name: String, _ client: ClientOptions) {
        client.show(made, text(made[member]))
        if !client.json { Output.note("This is \(name). It is not shown again.") }
    }

    static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text)?, .number(let text)?: text
        case .array(let values)?: values.compactMap(\.string).joined(separator: " ")
        case .bool(let bool)?: bool ? "yes" : "no"
        default: ""
        }
    }

    static func revoke(_ kind: IdentityKind, _ id: String, _ client: ClientOptions) async throws {
        let item = try await client.withAPI { try await $0.revokeIdentity(kind, id) }
        client.show(item, "\(id) is revoked.")
    }
}

/// `waybill identity client`.
struct IdentityClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Programs that get tokens with an id and a secret.",
        discussion: """
            Example:
              waybill identity client create shop --role service
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a program and show its secret, once.",
            discussion: """
                Example:
                  waybill identity client create shop --role service --scope orders:write
                """)
        @OptionGroup var client: ClientOptions
        @OptionGroup var rights: IdentityCommand.Rights
        @Argument(help: "Its id: letters, digits, dots, hyphens and underscores.") var id: String

        func run() async throws {
            let made = try await client.withAPI { try await $0.createClient(id, roles: rights.role, scopes: rights.scopes) }
            IdentityCommand.show(made, secret: "clientSecret", is: "the secret of \(id)", client)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List them.",
            discussion: """
                Example:
                  waybill identity client list
                """)
        @OptionGroup var client: ClientOptions

        func run() async throws {
            let columns = [
                ("client", "clientId"), ("roles", "roles"), ("scopes", "scopes"), ("created", "createdAt"), ("by", "createdBy"), ("revoked", "revokedAt"),
            ]
            try await IdentityCommand.list(.clients, columns, client)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give it no more tokens, and end those that it has.",
            discussion: """
                Example:
                  waybill identity client revoke shop
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "Its id.") var id: String
        func run() async throws { try await IdentityCommand.revoke(.clients, id, client) }
    }
}

/// `waybill identity key`.
struct IdentityKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys: for programs that bring a key with every request.",
        discussion: """
            Example:
              waybill identity key create importer --role service --expires 90d
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and show it, once.",
            discussion: """
                Example:
                  waybill identity key create importer --role service --scope inventory:write --expires 90d
                """)
        @OptionGroup var client: ClientOptions
        @OptionGroup var rights: IdentityCommand.Rights
        @Option(help: "In whose name it acts (default: a name made of its id).") var subject: String?
        @Option(help: "How long it is good: 12h, 90d (default: until it is revoked).") var expires: DurationArgument?
        @Argument(help: "What it is for.") var name: String

        func run() async throws {
            let end = expires.map { SystemClock().now().advanced(byMilliseconds: $0.seconds * 1000) }
            let made = try await client.withAPI {
                try await $0.createAPIKey(name, subject: subject, roles: rights.role, scopes: rights.scopes, expiresAt: end)
            }
            IdentityCommand.show(made, secret: "key", is: "the key \"\(name)\" (\(IdentityCommand.text(made["id"])))", client)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List them, the revoked ones included.",
            discussion: """
                Example:
                  waybill identity key list
                """)
        @OptionGroup var client: ClientOptions

        func run() async throws {
            let columns = [
                ("id", "id"), ("name", "name"), ("subject", "subject"), ("roles", "roles"), ("scopes", "scopes"), ("expires", "expiresAt"),
                ("last used", "lastUsedAt"), ("revoked", "revokedAt"),
            ]
            try await IdentityCommand.list(.keys, columns, client)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a key out of use, everywhere within half a minute.",
            discussion: """
                Example:
                  waybill identity key revoke 01890a5d-ac96-774b-bcce-b302099a8057
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "Its id.") var id: String
        func run() async throws { try await IdentityCommand.revoke(.keys, id, client) }
    }
}
