import Foundation
import WaybillClient
import Web

/// In whose name a command speaks to a platform: the first of what is given, what the environment says, what a platform of this machine allows.
struct Credentials: Sendable {
    /// Where the token comes from.
    enum Origin: Sendable, Equatable {
        case option
        case variable(String)
        case file(String)
        /// Got with what `waybill login` has kept.
        case login(as: String)
        /// Made here, with the keys of a platform of this machine.
        case made(keys: String)
        /// There is none.
        case none

        /// The token in words, for sentences.
        var words: String {
            switch self {
            case .option: "the token of --token"
            case .variable(let name): "the token of \(name)"
            case .file(let path): "the token in \(path)"
            case .login(let id): "the token of \(id)"
            case .made(let keys): "a token made with the keys of \(keys)"
            case .none: "no token"
            }
        }
    }

    let origin: Origin
    let tokens: (any TokenProvider)?

    static let none = Credentials(origin: .none, tokens: nil)

    /// - Throws: ``CredentialsError`` for what is given and cannot be used.
    static func find(
        _ options: ConnectionOptions, role: Role, place: LocalPlace, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Credentials {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let token = options.token { return Credentials(origin: .option, tokens: StaticToken(try checked(token, "--token"))) }
        if let path = options.tokenFile { return try file(path) }
        if let token = variable("WAYBILL_TOKEN") {
            return Credentials(origin: .variable("WAYBILL_TOKEN"), tokens: StaticToken(try checked(token, "WAYBILL_TOKEN")))
        }
        if let path = variable("WAYBILL_TOKEN_FILE") { return try file(path) }
        let (url, authorities) = (options.address, options.authorities)
        if let login = try saved(url, environment) {
            return Credentials(origin: .login(as: login.clientID), tokens: RenewingToken { try await token(login, at: url, trusting: authorities) })
        }
        // Keys of this machine are nobody else's business.
        guard HTTPClient.isLoopback(baseURL: options.address), let mint = try place.mint(environment: environment) else { return .none }
        return made(by: mint, role: role, subject: LocalMint.subject(environment))
    }

    private static func saved(_ url: String, _ environment: [String: String]) throws -> SavedLogins.Login? {
        try SavedLogins.path(environment).flatMap { try SavedLogins(path: $0).login(for: url) }
    }

    /// Asks a platform for a token of a program.
    static func token(_ login: SavedLogins.Login, at url: String, trusting authorities: String? = nil) async throws -> IssuedToken {
        let http = try HTTPClient(baseURL: url, maximumConnections: 1, certificateAuthorities: authorities)
        let result: Result<IssuedToken, any Error>
        do {
            result = .success(try await TokenEndpoint(http).token(.clientCredentials(id: login.clientID, secret: login.secret), scopes: login.scopes))
        } catch { result = .failure(ConnectionRefused(error, at: url) ?? error) }
        await http.shutdown()
        return try result.get()
    }

    /// Tokens for somebody, made here and renewed as long as the command runs.
    static func made(by mint: LocalMint, role: Role, subject: String) -> Credentials {
        Credentials(origin: .made(keys: mint.keys), tokens: RenewingToken { try await mint.token(role: role, subject: subject) })
    }

    /// Read at once, so that a missing file is told before anything is done; and again when its token is refused, for somebody may have renewed it.
    private static func file(_ path: String) throws -> Credentials {
        let read: @Sendable () throws -> IssuedToken = {
            do throws(SettingMistake) { return IssuedToken(try checked(try SecretFile.read(path), path)) } catch {
                throw CredentialsError(description: "The token cannot be had: \(error.words).")
            }
        }
        _ = try read()
        return Credentials(origin: .file(path), tokens: RenewingToken { try read() })
    }

    /// RFC 6750, 2.1: the letters of a token.
    private static func checked(_ token: String, _ name: String) throws(SettingMistake) -> String {
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw SettingMistake("\(name) must hold a token alone, without blanks and without \"Bearer\"")
        }
        return token
    }
}

/// What is given for a token, or to make one, and is of no use.
struct CredentialsError: Error, CustomStringConvertible {
    let description: String
}
