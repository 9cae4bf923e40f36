import Security
import Wire

/// The secret that the platform and a receiver share: whoever has it can sign messages. It is kept as it is, because signing needs it, shown when it is made, and
/// never again.
struct WebhookSecret: Sendable, Hashable {
    /// How many bytes a new one has; the specification wants 24 to 64.
    static let length = 32

    let bytes: [UInt8]

    /// The form in which receivers are given it (Standard Webhooks, "Symmetric").
    var text: String { "whsec_" + Base64.encode(bytes) }

    /// The signature of a message, `v1,` and the HMAC-SHA256 of id, time in seconds and body, with dots between them.
    func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        "v1," + Base64.encode(hmacSHA256(key: bytes, Array("\(id).\(timestamp).".utf8) + body))
    }
}

/// RFC 4648, 4.
enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            let word = piece.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - piece.count))
            for place in 0..<4 { text.append(place <= piece.count ? digits[Int(word >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "=")) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
