/// Amounts as whole pence, read from and written as decimal text without any binary fraction in between.
enum MinorUnits {
    /// What a decimal text says.
    enum Reading: Equatable, Sendable {
        case exact(Int64)
        /// A fraction of a penny: more than two decimals that are not zeros.
        case subPenny
        case malformed
    }

    /// Reads `12`, `12.3` or `-12.34`. The magnitude is at most ``maximum``, beyond it the text counts as malformed.
    static func read(_ bytes: some Collection<UInt8>) -> Reading {
        var digits = bytes[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        let whole = digits.prefix { $0 != UInt8(ascii: ".") }
        let fraction = digits.dropFirst(whole.count).dropFirst()
        guard !whole.isEmpty, whole.count == digits.count || !fraction.isEmpty else { return .malformed }
        guard let pounds = unsigned(whole), fraction.allSatisfy(\.isDigit) else { return .malformed }
        guard fraction.dropFirst(2).allSatisfy({ $0 == UInt8(ascii: "0") }) else { return .subPenny }
        let pence = fraction.prefix(2).reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) } * (fraction.count == 1 ? 10 : 1)
        // `unsigned` keeps this far from overflow.
        let amount = pounds * 100 + pence
        guard amount <= maximum else { return .malformed }
        return .exact(isNegative ? -amount : amount)
    }

    /// A whole number with an optional minus sign, at most ``maximum``; nil if it is none.
    static func wholeNumber(_ bytes: some Collection<UInt8>) -> Int64? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        guard let magnitude = unsigned(isNegative ? bytes.dropFirst() : bytes[...]), magnitude <= maximum else { return nil }
        return isNegative ? -magnitude : magnitude
    }

    /// Ten thousand million: ten times the largest a real price list or stock list would hold.
    static let maximum: Int64 = 10_000_000_000

    /// 1234 as `12.34`.
    static func decimal(_ amount: Int64) -> String {
        let (whole, rest) = amount.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(amount < 0 ? "-" : "")\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    private static func unsigned(_ bytes: some Collection<UInt8>) -> Int64? {
        guard (1...12).contains(bytes.count) else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard byte.isDigit else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

extension UInt8 {
    /// ASCII 0 to 9.
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
