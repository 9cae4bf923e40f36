import ArgumentParser
import WaybillClient
import Wire

/// `waybill identity token`.
struct IdentityTokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens that are to hold no longer.",
        discussion: """
            "waybill token" makes one.

            Example:
              waybill identity token revoke --subject alice
            """,
        subcommands: [Revoke.self, List.self])

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End one token, or all that somebody has.",
            discussion: """
                Tokens that are made afterwards hold. Other processes heed it within 10 seconds. API keys are ended by "waybill identity key revoke".

                Examples:
                  waybill identity token revoke --subject alice
                  waybill identity token revoke --id 01890a5d-ac96-774b-bcce-b302099a8057
                """)
        @OptionGroup var client: ClientOptions
        @Option(help: "Whose tokens and logins are ended: sub of the tokens.") var subject: String?
        @Option(help: "Which token is ended: its jti.") var id: String?

        func validate() throws {
            guard (subject == nil) != (id == nil) else { throw ValidationError("Either --subject or --id says what is to be ended.") }
            if let id, Identifier(id) == nil { throw ValidationError("--id: \"\(id)\" is no jti of this platform's tokens.") }
            if subject?.isEmpty == true { throw ValidationError("--subject must name somebody.") }
        }

        func run() async throws {
            let revocation = try await client.withAPI { api in
                if let subject { return try await api.revokeTokens(of: subject) }
                guard let id = id.flatMap({ Identifier($0) }) else { throw ValidationError("--id says which token is to be ended.") }
                return try await api.revokeToken(id)
            }
            if client.json { return Output.json(revocation) }
            Output.line(subject.map { "All tokens and logins of \($0) until now are ended." } ?? "The token is ended.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what was revoked, as long as it has not expired.",
            discussion: """
                Example:
                  waybill identity token list
                """)
        @OptionGroup var client: ClientOptions

        func run() async throws {
            var items: [JSONObject] = []
            try await client.withAPI { api in try await api.eachRevocation { items.append($0) } }
            IdentityCommand.show(items, [("kind", "kind"), ("name", "name"), ("revoked", "revokedAt"), ("forgotten after", "endsAt")], client)
        }
    }
}
