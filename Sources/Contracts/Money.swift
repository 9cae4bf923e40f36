import Wire

/// A currency of ISO 4217 with its number of decimal digits.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
    /// The three-letter code, `GBP`.
    public let code: String
    /// Decimal digits of the minor unit: 2 for most, 0 for JPY, 3 for KWD.
    public let digits: Int

    /// The currency of a code in upper case; nil for one that ISO 4217 does not list.
    public init?(_ code: String) {
        // Swift compares text by canonical equivalence, which takes the Kelvin sign for a K.
        guard code.utf8.count == 3, let digits = Currency.digits[code] else { return nil }
        self.code = code
        self.digits = digits
    }

    public var description: String { code }

    private static let digits: [String: Int] = {
        let two = """
            AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB
            EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
            MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
            TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG
            """
        var digits: [String: Int] = [:]
        for code in two.split(whereSeparator: \.isWhitespace) { digits[String(code)] = 2 }
        for code in ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"] { digits[code] = 0 }
        for code in ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"] { digits[code] = 3 }
        return digits
    }()
}

/// An exact amount in whole minor units (pence, cents, yen): never a floating-point number (promise S13).
public struct Money: Hashable, Sendable, CustomStringConvertible {
    /// The largest amount accepted, in minor units.
    public static let maximumMinorUnits: Int64 = 1_000_000_000_000

    /// The amount in minor units.
    public let minorUnits: Int64
    public let currency: Currency

    /// An amount of minor units.
    public init(minorUnits: Int64, currency: Currency) { (self.minorUnits, self.currency) = (minorUnits, currency) }

    /// Parses a decimal number that is exact in the currency's digits: `19.99`, `19.9`, `20`, `1.5e2`. Nil for anything that would need rounding, a sign
    /// that is not a leading minus, or more than the largest amount.
    public init?(_ text: String, _ currency: Currency) {
        guard let minor = Money.parse(text, digits: currency.digits) else { return nil }
        self.init(minorUnits: minor, currency: currency)
    }

    /// The decimal text with the currency's digits, `19.99`, as it stands in JSON.
    public var amount: String { Money.format(minorUnits, digits: currency.digits) }

    /// The amount and the currency's code, for people.
    public var description: String { "\(amount) \(currency.code)" }

    /// Price times quantity; nil beyond the largest amount. Checked, because a trap would end the process for everybody.
    public func times(_ quantity: Int64) -> Money? {
        let (product, overflow) = minorUnits.multipliedReportingOverflow(by: quantity)
        guard !overflow, product.magnitude <= Money.maximumMinorUnits.magnitude else { return nil }
        return Money(minorUnits: product, currency: currency)
    }

    /// The sum; nil for other currencies or beyond the largest amount.
    public func plus(_ other: Money) -> Money? {
        let (sum, overflow) = minorUnits.addingReportingOverflow(other.minorUnits)
        guard currency == other.currency, !overflow, sum.magnitude <= Money.maximumMinorUnits.magnitude else { return nil }
        return Money(minorUnits: sum, currency: currency)
    }

    /// Decimal text of minor units with so many digits.
    public static func format(_ minorUnits: Int64, digits: Int) -> String {
        // 19 digits, a point and a sign at the most; zeros before the point come with digits that are asked for.
        let room = 24 + max(0, digits)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { buffer in
            var place = room
            func put(_ byte: UInt8) {
                place -= 1
                buffer[place] = byte
            }
            var rest = minorUnits.magnitude
            var written = 0
            repeat {
                if written == digits, digits > 0 { put(UInt8(ascii: ".")) }
                put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
                written += 1
            } while rest > 0 || written <= digits
            if minorUnits < 0 { put(UInt8(ascii: "-")) }
            return String(decoding: buffer[place...], as: UTF8.self)
        }
    }

    private static func parse(_ text: String, digits: Int) -> Int64? {
        var value: Int64 = 0
        var scale = 0
        var isNegative = false
        var hasDigit = false
        var seenPoint = false
        var exponent = 0
        var bytes = text.utf8[...]
        if bytes.first == UInt8(ascii: "-") {
            isNegative = true
            bytes = bytes.dropFirst()
        }
        while let byte = bytes.first {
            bytes = bytes.dropFirst()
            switch byte {
            case 48...57:
                hasDigit = true
                if seenPoint { scale += 1 }
                guard value <= (Int64.max - 9) / 10 else { return nil }
                value = value * 10 + Int64(byte - 48)
            case UInt8(ascii: ".") where !seenPoint && hasDigit: seenPoint = true
            case UInt8(ascii: "e") where hasDigit, UInt8(ascii: "E") where hasDigit:
                // Int takes one sign of its own, so "+5" and "-5" are right and "+-5" is not.
                guard bytes.count <= 4, let number = Int(String(decoding: bytes, as: UTF8.self)) else { return nil }
                exponent = number
                bytes = bytes.dropFirst(bytes.count)
            default: return nil
            }
        }
        guard hasDigit, !(seenPoint && scale == 0) else { return nil }
        var shift = digits - scale + exponent
        if value == 0 { return 0 }
        while shift > 0 {
            guard value <= maximumMinorUnits else { return nil }
            value *= 10
            shift -= 1
        }
        while shift < 0 {
            guard value % 10 == 0 else { return nil }
            value /= 10
            shift += 1
        }
        guard value <= maximumMinorUnits else { return nil }
        return isNegative ? -value : value
    }
}

/// Members that carry an amount: a decimal string beside `currency`.
extension JSONObject {
    /// The amount of a member in a currency.
    public func money(_ key: String, _ currency: Currency) throws -> Money {
        guard let money = Money(try string(key), currency) else { throw JSONMismatch(key: key, expected: "an amount of \(currency.code)") }
        return money
    }
    /// The currency in a member.
    public func currency(_ key: String = "currency") throws -> Currency {
        guard let currency = Currency(try string(key)) else { throw JSONMismatch(key: key, expected: "an ISO 4217 code") }
        return currency
    }
}
