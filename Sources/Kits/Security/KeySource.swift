import Wire

/// Where the keys of an issuer are found.
public protocol KeySource: Sendable {
    /// The key of this name.
    ///
    /// A token that names no key is verified with the only one there is; where there are several, with none.
    /// - Returns: nil where there is no such key. Another one is never taken instead.
    func key(id: String?) async -> VerificationKey?

    /// Grows when keys change: tokens that were verified before are then verified again.
    var version: Int { get }

    /// Whether it knows which keys there are; false before it has heard of any. Then a key that is not found may well exist.
    var isReady: Bool { get }
}

extension KeySource {
    public var version: Int { 0 }
    public var isReady: Bool { true }
}

/// Keys that do not change.
public struct KeySet: KeySource {
    /// The longest document that is read: 1 MiB.
    public static let maximumLength = 1_048_576
    /// The most keys that are read.
    public static let maximumCount = 100

    /// The keys, in the order in which they came.
    public let keys: [VerificationKey]
    /// Why keys of a document were not taken, in words without any part of them.
    public let ignored: [String]
    private let byID: [String: VerificationKey]

    /// Of two keys with one name the first counts.
    public init(_ keys: [VerificationKey]) { self.init(keys, ignored: []) }

    private init(_ keys: [VerificationKey], ignored: [String]) {
        (self.keys, self.ignored) = (keys, ignored)
        byID = Dictionary(keys.compactMap { key in key.id.map { ($0, key) } }, uniquingKeysWith: { first, _ in first })
    }

    /// Reads a set of keys (RFC 7517, 5). Keys that cannot be used are left out, as the RFC says; secrets among them.
    /// - Throws: ``UnusableKey`` where it is no set, or has no key that can be used.
    public init(jwks document: [UInt8]) throws(UnusableKey) {
        guard document.count <= KeySet.maximumLength else { throw UnusableKey("the set of keys is longer than 1 MiB") }
        guard let values = (try? JSONParser.parse(document))?["keys"]?.array else { throw UnusableKey("the document is not a set of keys") }
        guard values.count <= KeySet.maximumCount else { throw UnusableKey("the set has more than 100 keys") }
        var keys: [VerificationKey] = []
        var ignored: [String] = []
        for value in values {
            do throws(UnusableKey) {
                guard let object = value.object else { throw UnusableKey("it is not an object") }
                keys.append(try VerificationKey(jwk: object))
            } catch {
                ignored.append(error.reason)
            }
        }
        guard !keys.isEmpty else { throw UnusableKey("the set has no key that can be used (\(Set(ignored).sorted().joined(separator: "; ")))") }
        self.init(keys, ignored: ignored)
    }

    /// Reads what a file of keys holds: a set in JSON, or one or several public keys in PEM, which are named by their thumbprints.
    /// - Throws: ``UnusableKey``.
    public init(file contents: [UInt8]) throws(UnusableKey) {
        if contents.first(where: { $0 > 32 }) == UInt8(ascii: "{") {
            try self.init(jwks: contents)
            return
        }
        guard contents.count <= KeySet.maximumLength else { throw UnusableKey("the file of keys is longer than 1 MiB") }
        let begin = "-----BEGIN"
        let blocks = String(decoding: contents, as: UTF8.self).split(separator: begin).filter { $0.contains("-----END") }
        guard (1...KeySet.maximumCount).contains(blocks.count) else { throw UnusableKey("the file has no keys in PEM, or more than 100") }
        var keys: [VerificationKey] = []
        for block in blocks { keys.append(try VerificationKey(pem: begin + block)) }
        self.init(keys)
    }

    /// The keys as others read them: `{"keys": [...]}`, without secrets.
    public var document: [UInt8] {
        JSONWriter.object {
            $0.key("keys")
            $0.array(keys.compactMap(\.publicJWK)) { $0.raw($1) }
        }
    }

    public func key(id: String?) -> VerificationKey? {
        guard let id else { return keys.count == 1 ? keys.first : nil }
        return byID[id]
    }

    func isSame(as other: KeySet) -> Bool { keys.count == other.keys.count && zip(keys, other.keys).allSatisfy { $0.isSame(as: $1) } }
}
