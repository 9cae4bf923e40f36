import Security
import Wire

/// An API key as a program sends it: `wb_`, the id in 32 hexadecimal digits, `_`, the secret. The prefix lets scanners find keys that were left in a repository.
public struct APIKeyText: Sendable {
    public static let prefix = "wb_"
    private static let longest = 128

    public let id: Identifier
    /// SHA-256 of the secret.
    public let digest: [UInt8]

    /// Nil for a text that is no key.
    public init?(_ text: String) {
        guard text.utf8.count <= APIKeyText.longest, text.hasPrefix(APIKeyText.prefix) else { return nil }
        let rest = text.dropFirst(APIKeyText.prefix.count)
        let digits = Array(rest.prefix(32).utf8)
        let secret = rest.dropFirst(33)
        guard digits.count == 32, rest.dropFirst(32).first == "_", !secret.isEmpty, let id = APIKeyText.identifier(digits) else { return nil }
        (self.id, digest) = (id, Secrets.digest(String(secret)))
    }

    private static func identifier(_ digits: [UInt8]) -> Identifier? {
        let text = String(decoding: digits, as: UTF8.self)
        guard let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16) else { return nil }
        let id = Identifier(high: high, low: low)
        // "+1" and capital letters are numbers as well; a key has one form.
        return id.digits == text ? id : nil
    }

    /// The key's text, which is shown once.
    static func text(_ id: Identifier, secret: String) -> String { prefix + id.digits + "_" + secret }
}
