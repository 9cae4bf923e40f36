import Security
import Wire

/// Tokens that an attacker would try. He has the public keys, an account with a token of his own, and a key of his own.
package struct AttackList {
    /// A token, and why it is refused.
    package struct Attack: Sendable {
        package let name: String
        package let token: String
        package let refusal: TokenRefusal
        init(_ name: String, _ token: String, _ refusal: TokenRefusal) { (self.name, self.token, self.refusal) = (name, token, refusal) }
    }

    private let forge: Forge
    private let key: SigningKey
    private let stranger: SigningKey

    package init(_ forge: Forge) throws {
        self.forge = forge
        key = forge.es256
        stranger = try SigningKey.generate(.es256)
    }

    package var all: [Attack] {
        get throws {
            try algorithms() + confusedSecrets() + keyNames() + headers() + signatures() + shapes() + claims() + times() + duplicates()
        }
    }

    private func signed(_ changes: [String: String?], _ name: String, _ refusal: TokenRefusal) throws -> Attack {
        Attack(name, try forge.token(key, header: forge.header(key, changes)), refusal)
    }

    private func claiming(_ changes: [String: String?], _ name: String, _ refusal: TokenRefusal) throws -> Attack {
        Attack(name, try forge.token(key, payload: forge.payload(changes)), refusal)
    }

    /// The algorithm is none, unknown, of another type, or another key's.
    private func algorithms() throws -> [Attack] {
        var attacks: [Attack] = []
        for name in [
            "none", "None", "NONE", "nOnE", "none ", " none", "", "es256", "ES384", "ES512", "RS384", "RS512", "PS256", "HS384", "HS512", "ES256K", "A128KW",
            "dir", "ES256\\u0000",
        ] {
            let refusal: TokenRefusal = name.contains("u0000") ? .malformed : .unsupportedAlgorithm
            let header = forge.header(key, ["alg": "\"\(name)\""])
            attacks.append(Attack("alg \(name), signed", try forge.token(key, header: header), refusal))
            attacks.append(Attack("alg \(name), no signature", forge.token(header: header) { _ in [] }, refusal))
        }
        for value in ["5", "null", "true", "[\"ES256\"]", "{}"] { attacks.append(try signed(["alg": value], "alg \(value)", .malformed)) }
        attacks.append(try signed(["alg": nil], "no alg", .malformed))
        for key in forge.all {
            for other in TokenAlgorithm.allCases where other != key.algorithm {
                let header = forge.header(key, ["alg": "\"\(other.rawValue)\""])
                attacks.append(Attack("\(other) for a key of \(key.algorithm)", try forge.token(key, header: header), .wrongAlgorithm))
            }
        }
        return attacks
    }

    /// Public keys as secrets of HMAC, in all forms in which a library might have them.
    private func confusedSecrets() throws -> [Attack] {
        var attacks: [Attack] = []
        for key in forge.all {
            let jwk = try object(String(decoding: key.publicJWK, as: UTF8.self))
            let numbers = ["n", "x", "y"].compactMap { jwk[$0]?.string }.flatMap { [Array($0.utf8), Base64URL.decode($0) ?? []] }
            for secret in [key.publicJWK, forge.set.document, Array(key.id.utf8), [], [0]] + numbers {
                let header = forge.header(key, ["alg": "\"HS256\""])
                attacks.append(Attack("HS256 with \(key.algorithm)'s public key", forge.token(header: header) { hmacSHA256(key: secret, $0) }, .wrongAlgorithm))
            }
        }
        return attacks
    }

    /// Names of keys that lead elsewhere.
    private func keyNames() throws -> [Attack] {
        let names = [
            "../../../../../../dev/null", "/dev/null", "file:///dev/null", "http://attacker.example/key", "' OR '1'='1", "x' UNION SELECT 'secret' --",
            "|sleep 5|", "$(id)",
            "%00", "0", "true", key.id.uppercased(), key.id + " ", " " + key.id, String(key.id.dropLast()), "\\u212A", String(repeating: "k", count: 128),
            String(repeating: "k", count: 129), String(repeating: "../", count: 600),
        ]
        var attacks = try names.map { try signed(["kid": "\"\($0)\""], "kid \($0.prefix(30))", .unknownKey) }
        attacks.append(try signed(["kid": "\"\""], "empty kid", .unknownKey))
        attacks.append(try signed(["kid": nil], "no kid, several keys", .unknownKey))
        for value in ["5", "null", "true", "[\"\(key.id)\"]", "{\"id\":\"\(key.id)\"}", "\"\(key.id)\\u0000\"", "\"\\ud800\""] {
            attacks.append(try signed(["kid": value], "kid \(value.prefix(30))", .malformed))
        }
        attacks.append(try signed(["kid": "\"\(forge.rs256.id)\""], "another key's kid", .wrongAlgorithm))
        // A shared secret of zeros, as /dev/null gives it.
        let header = forge.header(key, ["alg": "\"HS256\"", "kid": "\"../../dev/null\""])
        attacks.append(Attack("HS256 with an empty file", forge.token(header: header) { hmacSHA256(key: [], $0) }, .unknownKey))
        return attacks
    }

    /// Headers that bring their own keys, or ask for what is not understood.
    private func headers() throws -> [Attack] {
        var attacks: [Attack] = []
        let jwk = String(decoding: stranger.publicJWK, as: UTF8.self)
        for (name, value) in [
            ("jwk", jwk), ("jku", "\"https://attacker.example/jwks.json\""), ("x5u", "\"https://attacker.example/x\""), ("x5c", "[\"MIIB\"]"),
        ] {
            let own = forge.header(stranger, [name: value])
            attacks.append(Attack("a stranger's key in \(name)", try forge.token(stranger, header: own), .unknownKey))
            let claimed = forge.header(key, [name: value])
            attacks.append(Attack("a stranger's key in \(name), our kid", try forge.token(stranger, header: claimed), .badSignature))
        }
        for value in ["[\"exp\"]", "[]", "[\"b64\"]", "null", "\"x\""] { attacks.append(try signed(["crit": value], "crit \(value)", .unsupportedHeader)) }
        attacks.append(try signed(["b64": "false", "crit": "[\"b64\"]"], "b64 with crit", .unsupportedHeader))
        attacks.append(try signed(["b64": "false"], "b64", .unsupportedHeader))
        for type in ["\"logout+jwt\"", "\"dpop+jwt\"", "\"secevent+jwt\"", "\"JOSE\"", "\"\"", "5", "null", "[\"JWT\"]"] {
            attacks.append(try signed(["typ": type], "typ \(type)", .unsupportedHeader))
        }
        for text in ["", "[]", "\"ES256\"", "null", "{", "{}x", "{\"alg\":\"ES256\"", "\u{FEFF}{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",}", "{'alg':'ES256'}"]
        {
            attacks.append(Attack("header \(text)", try forge.token(key, header: text), .malformed))
        }
        return attacks
    }

    /// Signatures that are somebody else's, or nobody's.
    private func signatures() throws -> [Attack] {
        var attacks: [Attack] = []
        for key in forge.all {
            let header = forge.header(key)
            func attack(_ name: String, _ signature: ([UInt8]) throws -> [UInt8]) throws {
                attacks.append(Attack("\(key.algorithm): \(name)", try forge.token(header: header, signature: signature), .badSignature))
            }
            let length = try key.sign([]).count
            try attack("none") { _ in [] }
            try attack("zeros") { _ in [UInt8](repeating: 0, count: length) }
            try attack("ones") { _ in [UInt8](repeating: 0xff, count: length) }
            try attack("of nothing") { _ in try key.sign([]) }
            try attack("cut") { Array(try key.sign($0).dropLast()) }
            try attack("cut in front") { Array(try key.sign($0).dropFirst()) }
            try attack("longer") { try key.sign($0) + [0] }
            try attack("longer in front") { [0] + (try key.sign($0)) }
            try attack("twice") { try key.sign($0) + key.sign($0) }
            try attack("of the payload alone") { try key.sign(Array($0.drop { $0 != UInt8(ascii: ".") }.dropFirst())) }
            for other in forge.all where other.id != key.id { try attack("of another key, \(other.algorithm)") { try other.sign($0) } }
        }
        attacks.append(Attack("a stranger's signature", try forge.token(stranger, header: forge.header(key)), .badSignature))
        attacks.append(Attack("a stranger's token", try forge.token(stranger), .unknownKey))
        return attacks + ellipticSignatures()
    }

    /// "Psychic" signatures (CVE-2022-21449) and their like: zeros, the order of the curve, DER in the place of the two numbers.
    private func ellipticSignatures() -> [Attack] {
        let zero = [UInt8](repeating: 0, count: 32)
        let one = [UInt8](repeating: 0, count: 31) + [1]
        let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        let pairs = [
            ("r=s=0", zero + zero), ("r=0", zero + one), ("s=0", one + zero), ("r=s=n", order + order), ("r=1, s=n", one + order), ("r=n, s=1", order + one),
            ("r=s=1", one + one),
        ]
        let der: [UInt8] = [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00]
        return (pairs + [("DER of zeros", der), ("32 bytes", zero), ("65 bytes", zero + zero + [0])]).map { name, bytes in
            Attack("ES256: \(name)", forge.token(header: forge.header(key)) { _ in bytes }, .badSignature)
        }
    }

    /// Texts that are no compact token, though one may be found in them.
    private func shapes() throws -> [Attack] {
        let good = try forge.token(key)
        let parts = good.split(separator: ".").map(String.init)
        let (header, payload, signature) = (parts[0], parts[1], parts[2])
        let json = "{\"payload\":\"\(payload)\",\"protected\":\"\(header)\",\"signature\":\"\(signature)\"}"
        let last = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        // The last letter of 64 bytes has four bits that do not matter.
        let sibling = last.firstIndex(of: signature.last ?? "A").map { last[($0 & ~15) | (($0 + 1) & 15)] } ?? "A"
        let malformed: [(String, String)] = [
            ("nothing", ""), ("dots", ".."), ("one part", header), ("two parts", "\(header).\(payload)"), ("four parts", good + ".AAAA"),
            ("a dot more", good + "."),
            ("a dot in front", "." + good), ("five parts, as encrypted ones have", "\(header).\(payload).\(signature).AAAA.AAAA"),
            ("no header", ".\(payload).\(signature)"),
            ("no payload", "\(header)..\(signature)"), ("JSON serialisation", json),
            ("general serialisation", "{\"payload\":\"\(payload)\",\"signatures\":[]}"),
            ("padding", good + "="), ("more padding", good + "=="), ("padded header", "\(header)=.\(payload).\(signature)"), ("a space behind", good + " "),
            ("a space in front", " " + good),
            ("a line's end", good + "\n"), ("a space inside", "\(header). \(payload).\(signature)"),
            ("a line's end inside", "\(header).\(payload)\r\n.\(signature)"),
            ("NUL behind", good + "\u{0}"), ("NUL inside", "\(header).\(payload)\u{0}.\(signature)"), ("quotation marks", "\"\(good)\""),
            ("two tokens", good + "," + good),
            ("Bearer twice", "Bearer " + good), ("trailing garbage", good + "!"), ("percent", good.replacing(".", with: "%2E")),
            ("full stops of other scripts", good.replacing(".", with: "\u{FF0E}")),
            ("base64 with other letters", "\(header).\(payload).\(signature.dropLast(4))+/+/"),
            ("bits that do not matter", String(good.dropLast()) + String(sibling)),
            ("a length that no bytes have", String(good.dropLast())), ("nonsense", String(repeating: "A", count: 500)), ("emoji", "🙂.🙂.🙂"),
        ]
        var attacks = malformed.map { Attack($0, $1, .malformed) }
        attacks.append(Attack("nine KiB", try forge.token(key, payload: forge.payload(["x": "\"\(String(repeating: "x", count: 6_300))\""])), .tooLong))
        attacks.append(Attack("a MiB of dots", String(repeating: ".", count: 1 << 20), .tooLong))
        attacks.append(Attack("a token in a token", try forge.token(key, payload: "\"\(good)\""), .malformed))
        for text in [
            "", "[]", "5", "null", "{", "{}{}", "\u{FEFF}{}", "{\"sub\":\"a\\u0000b\"}", String(repeating: "[", count: 3_000),
            "{\"a\":" + String(repeating: "[", count: 2_000),
        ] {
            attacks.append(Attack("payload \(text.prefix(20))", try forge.token(key, payload: text), .malformed))
        }
        return attacks
    }

    /// Claims that are missing, of other types, or somebody else's.
    private func claims() throws -> [Attack] {
        var attacks: [Attack] = []
        for name in ["iss", "sub", "aud", "exp", "nbf"] { attacks.append(try claiming([name: nil], "no \(name)", .missing(name))) }
        for name in ["iss", "sub"] {
            for value in ["5", "null", "[\"\(forge.issuer)\"]", "{}", "true"] {
                attacks.append(try claiming([name: value], "\(name) \(value)", .invalid(name)))
            }
        }
        for value in ["\"\"", "\"a\\nb\"", "\"a\\u001b[2Jb\"", "\"\\u212Aate\"", "\"\(String(repeating: "s", count: 256))\""] {
            attacks.append(try claiming(["sub": value], "sub \(value.prefix(20))", .invalid("sub")))
        }
        let issuer = forge.issuer
        for value in [issuer + "/", issuer.uppercased(), String(issuer.dropLast()), issuer + "\\u0020", "", "http://attacker.example"] {
            attacks.append(try claiming(["iss": "\"\(value)\""], "iss \(value)", .wrongIssuer))
        }
        for value in ["\"other\"", "\"Waybill\"", "\"waybill2\"", "\"way\"", "\"\"", "[]", "[\"other\"]", "\"waybill other\"", "[\"waybill,other\"]"] {
            attacks.append(try claiming(["aud": value], "aud \(value)", .wrongAudience))
        }
        for value in ["5", "null", "true", "{\"waybill\":true}", "[5]", "[\"waybill\",5]", "[[\"waybill\"]]"] {
            attacks.append(try claiming(["aud": value], "aud \(value)", .invalid("aud")))
        }
        for value in ["\"admin\"", "{\"admin\":true}", "[5]", "[[\"admin\"]]", "null", "[\"\"]"] {
            attacks.append(try claiming(["roles": value], "roles \(value)", .invalid("of roles")))
        }
        for value in ["[\"orders:read\"]", "5", "null"] { attacks.append(try claiming(["scope": value], "scope \(value)", .invalid("scope"))) }
        for value in ["\"ID\"", "\"Refresh\"", "\"Offline\"", "\"Logout\"", "5"] {
            attacks.append(try claiming(["typ": value], "typ \(value)", .invalid("typ")))
        }
        for name in ["jti", "client_id"] { attacks.append(try claiming([name: "{}"], "\(name) as an object", .invalid(name))) }
        return attacks
    }

    /// Times that are over, to come, or none.
    private func times() throws -> [Attack] {
        var attacks: [Attack] = []
        for name in ["exp", "nbf", "iat"] {
            for value in [
                "\"\(forge.seconds(600))\"", "null", "true", "[]", "{}", "-1", "1e300", "1e999", "253402300800", "9223372036854775808",
                "99999999999999999999999999999999999",
            ] {
                attacks.append(try claiming([name: value], "\(name) \(value)", .invalid(name)))
            }
            for value in ["NaN", "Infinity", "0x7fffffff", "01", "1.", "+1"] { attacks.append(try claiming([name: value], "\(name) \(value)", .malformed)) }
        }
        for value in ["0", "1", forge.seconds(-60), forge.seconds(-61), "1e3", "0.5"] { attacks.append(try claiming(["exp": value], "exp \(value)", .expired)) }
        for name in ["nbf", "iat"] {
            for value in [forge.seconds(120), forge.seconds(3_000), "253402300799"] {
                attacks.append(try claiming([name: value], "\(name) \(value)", .notYetValid))
            }
        }
        // In milliseconds, as JavaScript has them: a token for 50,000 years.
        attacks.append(try claiming(["exp": "\(forge.now.milliseconds + 3_600_000)"], "exp in milliseconds", .invalid("exp")))
        return attacks
    }

    /// Members that stand twice, which one reader takes from the front and another from behind.
    private func duplicates() throws -> [Attack] {
        let header = forge.header(key).dropLast()
        let payload = forge.payload().dropLast()
        let headers = ["\"alg\":\"none\"", "\"alg\":\"ES256\"", "\"kid\":\"\(key.id)\"", "\"\\u0061lg\":\"none\""]
        let payloads = [
            "\"sub\":\"admin\"", "\"exp\":\(forge.seconds(9_999))", "\"roles\":[\"admin\"]", "\"\\u0072oles\":[\"admin\"]", "\"iss\":\"x\"",
            "\"aud\":\"waybill\"",
        ]
        return try headers.map { Attack("header with another \($0)", try forge.token(key, header: "\(header),\($0)}"), .malformed) }
            + payloads.map { Attack("payload with another \($0)", try forge.token(key, payload: "\(payload),\($0)}"), .malformed) }
    }
}
