/// A kept password: `$scrypt$ln=15,r=8,p=3$SALT$KEY`, the last two in Base64 without padding (PHC string format).
struct PasswordHash: Equatable {
    let cost: Passwords.Cost
    let salt: [UInt8]
    let key: [UInt8]

    init(cost: Passwords.Cost, salt: [UInt8], key: [UInt8]) { (self.cost, self.salt, self.key) = (cost, salt, key) }

    /// Reads one; nil for what this program does not write, and for costs that it does not pay.
    init?(_ text: String) {
        let parts = text.split(separator: "$", maxSplits: 5, omittingEmptySubsequences: false)
        guard text.utf8.count <= 512, parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", let cost = PasswordHash.cost(parts[2]),
            let salt = PasswordHash.bytes(parts[3]), let key = PasswordHash.bytes(parts[4]), (8...64).contains(salt.count), (16...64).contains(key.count)
        else { return nil }
        (self.cost, self.salt, self.key) = (cost, salt, key)
    }

    var text: String { "$scrypt$ln=\(cost.logN),r=\(cost.r),p=\(cost.p)$\(PasswordHash.text(salt))$\(PasswordHash.text(key))" }

    private static func cost(_ text: Substring) -> Passwords.Cost? {
        let settings = text.split(separator: ",", omittingEmptySubsequences: false)
        guard settings.count == 3 else { return nil }
        var numbers: [Int] = []
        for (setting, name) in zip(settings, ["ln=", "r=", "p="]) {
            guard setting.hasPrefix(name), let number = Int(setting.dropFirst(name.count)) else { return nil }
            numbers.append(number)
        }
        let cost = Passwords.Cost(logN: numbers[0], r: numbers[1], p: numbers[2])
        return cost.isAcceptable ? cost : nil
    }

    /// Base64 differs from base64url in two letters.
    private static func text(_ bytes: [UInt8]) -> String { String(Base64URL.encode(bytes).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }) }
    private static func bytes(_ text: Substring) -> [UInt8]? {
        guard !text.contains("-"), !text.contains("_") else { return nil }
        return Base64URL.decode(text.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }[...])
    }
}
