import Security
import Wire

/// Makes tokens, right ones and wrong ones, from text: a writer that only writes what is right cannot show what is refused.
package struct Forge: Sendable {
    /// The moment at which tests take place that do not say when.
    package static let now = Timestamp(milliseconds: 1_790_000_000_000)
    package static let issuer = "http://waybill.local/identity"
    /// One of each kind; making RSA keys takes long.
    private static let keys = try? [TokenAlgorithm.es256, .rs256, .eddsa].map { try SigningKey.generate($0) }

    package let es256: SigningKey
    package let rs256: SigningKey
    package let eddsa: SigningKey
    /// What tokens say about who made them.
    package let issuer: String
    /// When they were made, to the second.
    package let now: Timestamp

    package init(issuer: String = Forge.issuer, now: Timestamp = Forge.now) throws {
        guard let keys = Forge.keys, keys.count == 3 else { throw UnusableKey("keys cannot be made") }
        (es256, rs256, eddsa) = (keys[0], keys[1], keys[2])
        (self.issuer, self.now) = (issuer, Timestamp(milliseconds: now.milliseconds / 1_000 * 1_000))
    }

    package var all: [SigningKey] { [es256, rs256, eddsa] }
    package var set: KeySet { KeySet(all.map(\.verificationKey)) }

    package func verifier(_ keys: (any KeySource)? = nil, now: Timestamp = Forge.now, requiresNotBefore: Bool = true) -> TokenVerifier {
        TokenVerifier(keys: keys ?? set, issuers: [Forge.issuer], audience: "waybill", requiresNotBefore: requiresNotBefore) { now }
    }

    /// The seconds from now, as a claim.
    package func seconds(_ offset: Int64 = 0) -> String { "\(now.milliseconds / 1_000 + offset)" }

    /// The claims of a token that is accepted; nil takes one out.
    package func payload(_ changes: [String: String?] = [:]) -> String {
        var claims: [String: String] = [
            "iss": "\"\(issuer)\"", "sub": "\"customer-1\"", "aud": "\"waybill\"", "exp": seconds(3_600), "nbf": seconds(), "iat": seconds(),
            "roles": "[\"customer\"]",
        ]
        for (name, value) in changes { claims[name] = value }
        return "{" + claims.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    /// The header of a token that is accepted.
    package func header(_ key: SigningKey, _ changes: [String: String?] = [:]) -> String {
        var members: [String: String] = ["alg": "\"\(key.algorithm.rawValue)\"", "typ": "\"at+jwt\"", "kid": "\"\(key.id)\""]
        for (name, value) in changes { members[name] = value }
        return "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    /// A token of any header and payload, with a signature that holds.
    package func token(_ key: SigningKey, header: String? = nil, payload: String? = nil) throws -> String {
        let signed = Forge.encoded(header ?? self.header(key)) + "." + Forge.encoded(payload ?? self.payload())
        return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
    }

    /// A token with any signature.
    package func token(header: String, payload: String? = nil, signature: ([UInt8]) throws -> [UInt8]) rethrows -> String {
        let signed = Forge.encoded(header) + "." + Forge.encoded(payload ?? self.payload())
        return signed + "." + Base64URL.encode(try signature(Array(signed.utf8)))
    }

    private static func encoded(_ text: String) -> String { Base64URL.encode(Array(text.utf8)) }
}

/// Why a token is refused; nil for one that is accepted.
package func refusal(of token: String, by verifier: TokenVerifier) async -> TokenRefusal? {
    do throws(TokenRefusal) {
        _ = try await verifier.verify(token)
        return nil
    } catch {
        return error
    }
}

/// Bytes of hexadecimal digits.
package func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// An object of JSON text.
package func object(_ json: String) throws -> JSONObject {
    guard let object = try JSONParser.parse(Array(json.utf8)).object else { throw JSONMismatch(key: "", expected: "an object") }
    return object
}
