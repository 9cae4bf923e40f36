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

    var isReady: Bool { sources.allSatisfy { $0.isReady } }

    var version: Int { sources.reduce(0) { $0 &+ $1.version } }
}

/// Keeps the keys of an address up to date for as long as the platform runs.
struct KeepKeys: Service, CustomStringConvertible {
    let source: JWKSource
    let address: String
    var description: String { "keys of \(address)" }

    func run() async throws { await cancelWhenGracefulShutdown { await source.run() } }
}

/// Fetches a document of keys from where the platform's configuration says it is.
struct KeyDocument: Sendable {
    /// How long a fetch may take.
    private static let timeout: Duration = .seconds(10)

    private let url: String
    private let client: any OutgoingClient

    /// - Throws: ``PlatformError`` for an address that cannot be used.
    init(_ url: String) throws {
        // The house's own provider is where the house is: whoever runs the platform has named it, and no client.
        do throws(OutgoingTarget.Refusal) { _ = try OutgoingTarget(url, policy: .anywhere) } catch {
            throw PlatformError("auth.jwks_urls: The URL \"\(url)\" \(error.words)")
        }
        var configuration = CurlClient.Configuration(policy: .anywhere)
        // One fetch at a time, and one that was given up may still be ending.
        (configuration.threads, configuration.maximumWaiting) = (2, 2)
        (self.url, client) = (url, CurlClient(configuration))
    }

    func fetch() async throws -> [UInt8] {
        let request = OutgoingRequest(
            url: url, headers: [("Accept", "application/json")], timeout: KeyDocument.timeout, maximumAnswerBytes: KeySet.maximumLength)
        let answer = try await client.send(request)
        guard answer.status == 200 else { throw PlatformError("the address of the keys answered with status \(answer.status)") }
        guard !answer.isTruncated else { throw PlatformError("the document with the keys is longer than \(KeySet.maximumLength) bytes") }
        return answer.body
    }

    func shutdown() async { await client.close() }
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
