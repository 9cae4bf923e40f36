import Foundation
import OutgoingHTTP
import Security
import ServiceLifecycle
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

/// Fetches a document of keys. Redirects are not followed: who could make one could say whose tokens hold.
struct KeyDocument: Sendable {
    let url: String
    let client: any OutgoingClient

    func fetch() async throws -> [UInt8] {
        // Some bytes more than are read, so that a document that is too long is not taken for a broken one.
        let request = OutgoingRequest(
            url: url, headers: [(name: "Accept", value: "application/json")], timeout: .seconds(10), maximumAnswerBytes: KeySet.maximumLength + 1)
        let answer = try await client.send(request)
        guard answer.status == 200 else { throw PlatformError("the address of the keys answered with status \(answer.status)") }
        guard !answer.isTruncated else { throw PlatformError("the set of keys is longer than 1 MiB") }
        return answer.body
    }

    /// A client for such addresses. Whoever runs the platform has chosen them, so that they may lie in its own network.
    static func client() -> any OutgoingClient {
        var configuration = CurlClient.Configuration(policy: .anywhere)
        (configuration.threads, configuration.maximumWaiting) = (2, 16)
        return CurlClient(configuration)
    }
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
        do throws(OutgoingTarget.Refusal) {
            _ = try OutgoingTarget(url, policy: .anywhere)
            return nil
        } catch { return error.description }
    }

    /// The roles that there are.
    public static var knownRoles: [String] { Role.allCases.sorted().map(\.rawValue) }
}
