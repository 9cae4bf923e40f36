import ArgumentParser
import Foundation
import WaybillClient

/// `waybill login`.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Keep a program's name and secret for a platform, so that commands get their tokens themselves.",
        discussion: """
            The secret is read from standard input, or from the file of --secret-file; a token is asked for with it before it is kept, in
            ~/.config/waybill/logins.json ($XDG_CONFIG_HOME), which nobody else may read. "waybill identity" makes such programs on the platform.

            Examples:
              waybill login --url https://waybill.internal --client-id importer
              waybill login --url https://waybill.internal --ca-file ca.pem --client-id reports --scope analytics:read --secret-file /run/secrets/reports
            """)

    @Option(help: "The platform's address (default: the environment's WAYBILL_URL, else \(ConnectionOptions.defaultURL)).")
    var url: String?

    @Option(help: "A file (PEM) of the authorities that alone may vouch for an https:// address, instead of those that the system trusts. [WAYBILL_CA_FILE]")
    var caFile: String?

    @Option(help: "The program's name.")
    var clientID: String

    @Option(help: "A file that holds the secret, instead of standard input.")
    var secretFile: String?

    @Option(help: "Bind the tokens to a scope, such as orders:read. Repeatable.")
    var scope: [String] = []

    func validate() throws {
        if caFile == "" { throw ValidationError("--ca-file must not be empty.") }
    }

    func run() async throws {
        let address = try LoginPlace.address(url)
        let logins = try LoginPlace.logins()
        let login = SavedLogins.Login(clientID: clientID, secret: try secret(), scopes: scope)
        _ = try await Credentials.token(login, at: address, trusting: caFile ?? ConnectionOptions.authoritiesOfEnvironment)
        try logins.set(login, for: address)
        Output.note("Commands speak to \(address) as \(clientID) from now on (\(logins.path)).")
    }

    private func secret() throws -> String {
        if let secretFile {
            do throws(SettingMistake) { return try SecretFile.read(secretFile) } catch { throw ValidationError("--secret-file: \(error.words)") }
        }
        guard let secret = HiddenLine.read("Secret of \(clientID): "), !secret.isEmpty else { throw ValidationError("There is no secret on standard input.") }
        return secret
    }
}

/// `waybill logout`.
struct LogoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Forget what login has kept for a platform.",
        discussion: """
            Example:
              waybill logout --url https://waybill.internal
            """)

    @Option(help: "The platform's address (default: the environment's WAYBILL_URL, else \(ConnectionOptions.defaultURL)).")
    var url: String?

    func run() throws {
        let address = try LoginPlace.address(url)
        let logins = try LoginPlace.logins()
        guard try logins.login(for: address) != nil else { return Output.note("There is no login for \(address).") }
        try logins.set(nil, for: address)
    }
}

/// Which platform, and where it is written down.
private enum LoginPlace {
    static func address(_ url: String?) throws -> String {
        let address = url ?? ConnectionOptions.addressOfEnvironment ?? ConnectionOptions.defaultURL
        do throws(ClientError) { try HTTPClient.check(baseURL: address) } catch { throw ValidationError("\(error)") }
        return address
    }

    static func logins() throws -> SavedLogins {
        guard let path = SavedLogins.path(ProcessInfo.processInfo.environment) else {
            throw ValidationError("There is no place for it: neither XDG_CONFIG_HOME nor HOME is set.")
        }
        return SavedLogins(path: path)
    }
}
