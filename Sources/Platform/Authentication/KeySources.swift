import Foundation
import Security
import ServiceLifecycle
import WaybillClient
import Web

/// The keys of an identity provider, wherever they lie: the first source that knows a key has it.
struct KeySources: KeySource {
    let sources: [any KeySource]

    func key(id: String?) async -> VerificationKey? {
        for source in sources { if let key = await source.key(id: id) { return key } }
        return nil
    }

    var version: Int { sources.reduce(0) { $0 &+ $1.version } }
}

/// Keeps the keys of an address up to date for as long as the platform runs.
struct KeepKeys: Service, CustomStringConvertible {
    let source: JWKSource
    let address: String
    var description: String { "keys of \(address)" }

    func run() async throws { await cancelWhenGracefulShutdown { await source.run() } }
}

/// Fetches a document of keys over HTTP.
struct KeyDocument: Sendable {
    private let client: HTTPClient
    private let path: String

    /// - Throws: ``PlatformError`` for an address that cannot be used.
    init(_ url: String) throws {
        guard let begin = url.range(of: "://")?.upperBound else { throw PlatformError("auth.jwks_urls: \"\(url)\" is no address") }
        let origin = url[..<begin] + url[begin...].prefix { $0 != "/" && $0 != "?" }
        let rest = url.dropFirst(origin.count)
        path = rest.isEmpty ? "/" : rest.hasPrefix("/") ? String(rest) : "/" + rest
        do {
            client = try HTTPClient(baseURL: String(origin), maximumConnections: 1, requestTimeout: .seconds(10), maximumBodyBytes: KeySet.maximumLength)
        } catch { throw PlatformError("auth.jwks_urls: \(error)") }
    }

    func fetch() async throws -> [UInt8] {
        let response = try await client.send(ClientRequest(path: path, headers: [("Accept", "application/json")]))
        guard response.status == 200 else { throw PlatformError("the address of the keys answered with status \(response.status)") }
        return response.body
    }

    func shutdown() async { await client.shutdown() }
}

extension IdentityProvider {
    /// Its keys that do not change: of files, and the secret.
    /// - Throws: ``PlatformError`` for what cannot be read.
    func fixedKeys() throws -> [any KeySource] {
        var sources: [any KeySource] = []
        for path in keyFiles {
            guard let data = FileManager.default.contents(atPath: path) else { throw PlatformError("auth.jwks_files: \(path) cannot be read") }
            do { sources.append(try KeySet(file: Array(data))) } catch { throw PlatformError("auth.jwks_files: \(path): \(error.reason)") }
        }
        if let secret {
            do { sources.append(KeySet([try VerificationKey(hs256Secret: Array(secret.value.utf8), id: nil)])) } catch {
                throw PlatformError("auth.hs256_secret: \(error.reason)")
            }
        }
        return sources
    }
}

extension IdentityProvider {
    /// What is wrong with an address of keys, in words; nil if nothing.
    public static func mistake(inKeyURL url: String) -> String? {
        do {
            _ = try KeyDocument(url)
            return nil
        } catch { return "\(error)".replacing("auth.jwks_urls: ", with: "") }
    }

    /// The roles that there are.
    public static var knownRoles: [String] { Role.allCases.sorted().map(\.rawValue) }
}
