import ArgumentParser
import WaybillClient
import Wire

/// `waybill identity user`.
struct IdentityUserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "People with passwords, for trials and small installations.",
        discussion: """
            Example:
              waybill identity user create alice --role customer --password-file alice.txt
            """,
        subcommands: [Create.self, List.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a person.",
            discussion: """
                The password is the first line of a file, or of standard input: on the command line everybody on this machine could read it.

                Example:
                  waybill identity user create alice --role customer --password-file alice.txt
                """)
        @OptionGroup var client: ClientOptions
        @OptionGroup var rights: IdentityCommand.Rights
        @Option(help: "In whose name he acts; of a customer the customerId of his orders (default: his name).") var subject: String?
        @Option(help: "A file with the password (default: standard input).") var passwordFile: String?
        @Argument(help: "His name: letters, digits, dots, hyphens and underscores.") var name: String

        func run() async throws {
            let password = try password()
            let made = try await client.withAPI {
                try await $0.createUser(name, password: password, subject: subject, roles: rights.role, scopes: rights.scopes)
            }
            client.show(made, "\(name) is registered.")
        }

        private func password() throws -> String {
            if let passwordFile {
                do throws(SettingMistake) { return try SecretFile.read(passwordFile) } catch { throw ValidationError("--password-file: \(error.words)") }
            }
            guard let line = readLine(), !line.isEmpty else { throw ValidationError("The password is to come on standard input, or by --password-file.") }
            return line
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List them.",
            discussion: """
                Example:
                  waybill identity user list
                """)
        @OptionGroup var client: ClientOptions

        func run() async throws {
            let columns = [("name", "name"), ("subject", "subject"), ("roles", "roles"), ("scopes", "scopes"), ("created", "createdAt"), ("by", "createdBy")]
            try await IdentityCommand.list(.users, columns, client)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a person: no login, no renewal of one, and the tokens end.",
            discussion: """
                Example:
                  waybill identity user delete alice
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "His name.") var name: String
        func run() async throws { try await IdentityCommand.revoke(.users, name, client) }
    }
}

/// `waybill identity signing-key`.
struct SigningKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signing-key", abstract: "The keys that sign tokens.",
        discussion: """
            Example:
              waybill identity signing-key rotate
            """,
        subcommands: [List.self, Rotate.self, Revoke.self])

    private static func show(_ keys: [JSONObject], _ client: ClientOptions) {
        let columns = [
            ("id", "id"), ("created", "createdAt"), ("active from", "activeFrom"), ("signs", "signs"), ("verifies", "verifies"), ("revoked", "revokedAt"),
        ]
        IdentityCommand.show(keys, columns, client)
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List them, the newest last.",
            discussion: """
                Example:
                  waybill identity signing-key list
                """)
        @OptionGroup var client: ClientOptions
        func run() async throws { SigningKeyCommand.show(try await client.withAPI { try await $0.signingKeys() }, client) }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the next key. Tokens of the old one go on to hold.",
            discussion: """
                It is published for a quarter of an hour before it signs, so that every verifier knows it by then.

                Example:
                  waybill identity signing-key rotate
                """)
        @OptionGroup var client: ClientOptions
        @Flag(help: "Let it sign at once.") var immediately = false

        func run() async throws {
            let key = try await client.withAPI { try await $0.rotateSigningKey(immediately: immediately) }
            client.show(key, "\(IdentityCommand.text(key["id"])) signs from \(IdentityCommand.text(key["activeFrom"])).")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a key out of use that somebody else may know: all of its tokens end.",
            discussion: """
                Example:
                  waybill identity signing-key revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
                """)
        @OptionGroup var client: ClientOptions
        @Argument(help: "The key's id.") var id: String

        func run() async throws {
            let answer = try await client.withAPI { try await $0.revokeSigningKey(id) }
            SigningKeyCommand.show(try answer.objects("items"), client)
        }
    }
}
