/// The parameters of an `application/x-www-form-urlencoded` body (WHATWG URL, 5.1), as OAuth's endpoints take them.
enum FormBody {
    /// More than this no request of the endpoints has.
    private static let maximumBytes = 16 << 10
    private static let maximumParameters = 20

    /// The parameters by name; nil for a body that is none, or has one of them twice (RFC 6749, 3.2).
    static func parse(_ body: [UInt8]) -> [String: String]? {
        guard body.count <= maximumBytes else { return nil }
        var parameters: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let first = pair.prefix { $0 != UInt8(ascii: "=") }
            guard let name = decode(first), let value = decode(pair.dropFirst(first.count + 1)), parameters.count < maximumParameters,
                parameters.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return parameters
    }

    /// A part of it: `+` is a blank, `%` and two digits a byte; nil for what is no UTF-8.
    static func decode(_ part: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var iterator = part.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
