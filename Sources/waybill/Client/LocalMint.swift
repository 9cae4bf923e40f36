import Foundation
import WaybillClient
import Web

/// Makes short-lived tokens with the keys of a platform of this machine. Whoever may read its database may do everything there anyway; this spares him the detour.
struct LocalMint: Sendable {
    /// Where the keys lie, in words.
    let keys: String
    private let make: @Sendable (Role, String) async throws -> IssuedToken

    /// - Parameter make: makes a token for a subject in a role.
    init(keys: String, make: @escaping @Sendable (Role, String) async throws -> IssuedToken) { (self.keys, self.make) = (keys, make) }

    func token(role: Role, subject: String) async throws -> IssuedToken { try await make(role, subject) }

    /// In whose name commands act: the user of this machine, in letters that every log takes.
    static func subject(_ environment: [String: String]) -> String {
        let user = (environment["USER"] ?? "").filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        return "cli-" + (user.isEmpty ? "local" : String(user.prefix(60)))
    }
}
