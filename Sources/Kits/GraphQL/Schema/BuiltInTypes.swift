import Wire

/// The scalars that every schema has (GraphQL, October 2021, 3.5), and some that several may use.
public enum BuiltInTypes {
    static let scalars: [TypeDefinition] = [.scalar(int), .scalar(float), .scalar(string), .scalar(boolean), .scalar(id)]
    static let names: Set<String> = ["Int", "Float", "String", "Boolean", "ID"]

    static let int = ScalarType(
        "Int", "A whole number of 32 bits.", read: { whole($0, in: Int64(Int32.min)...Int64(Int32.max)) },
        show: { whole($0, in: Int64(Int32.min)...Int64(Int32.max)) })
    static let float = ScalarType("Float", "A number of double precision (IEEE 754).", read: finite, show: finite)
    static let string = ScalarType("String", "A text.", read: text, show: text)
    static let boolean = ScalarType("Boolean", "True or false.", read: { $0.bool.map { .bool($0) } }, show: { $0.bool.map { .bool($0) } })
    static let id = ScalarType("ID", "Names a thing; a text, whatever it looks like.", read: identity, show: identity)

    /// A whole number of 64 bits, as a JSON number.
    public static let long = ScalarType(
        "Long", "A whole number of 64 bits, as a JSON number.", read: { whole($0, in: .min ... .max) }, show: { whole($0, in: .min ... .max) })

    /// An exact decimal number: always a string on the way out; on the way in a number too, whose digits are taken as they are written.
    public static let decimal = ScalarType(
        "Decimal", "An exact decimal number, as a string such as \"19.99\". Numbers are accepted, and taken as they are written.",
        read: { value in
            switch value {
            case .string(let text): .string(text)
            case .number(let text): .string(text)
            default: nil
            }
        }, show: text)

    /// A moment.
    public static let dateTime = ScalarType(
        "DateTime", "A moment, as a string of RFC 3339: \"2026-11-21T13:00:00Z\". A day means its beginning in UTC.",
        specification: "https://www.rfc-editor.org/rfc/rfc3339",
        read: { value in
            guard let text = value.string, Timestamp(text) != nil || Timestamp(text + "T00:00:00Z") != nil else { return nil }
            return value
        }, show: text)

    /// Any JSON.
    public static let json = ScalarType(
        "JSON", "Any JSON value.", specification: "https://www.rfc-editor.org/rfc/rfc8259", read: { $0 }, show: { $0 })

    /// A whole number within bounds; one that is written with a fraction or an exponent is one too if it is whole.
    private static func whole(_ value: JSONValue, in range: ClosedRange<Int64>) -> JSONValue? {
        guard case .number(let text) = value else { return nil }
        if let number = Int64(text) { return range.contains(number) ? value : nil }
        // Beyond 53 bits a floating-point number is not exact.
        guard let number = Double(text), number == number.rounded(), abs(number) <= 9_007_199_254_740_992 else { return nil }
        let integer = Int64(number)
        return range.contains(integer) ? .number(String(integer)) : nil
    }

    private static func finite(_ value: JSONValue) -> JSONValue? {
        guard let number = value.double, number.isFinite else { return nil }
        return value
    }

    private static func text(_ value: JSONValue) -> JSONValue? { value.string == nil ? nil : value }

    private static func identity(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .string: value
        case .number(let text) where !text.utf8.contains(where: { ".eE".utf8.contains($0) }): .string(text)
        default: nil
        }
    }
}
