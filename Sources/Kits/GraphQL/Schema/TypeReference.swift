/// The type of a field, an argument or a variable: a name, and what is around it (GraphQL, October 2021, 2.11).
public indirect enum TypeReference: Sendable, Hashable, CustomStringConvertible {
    case named(String)
    case list(TypeReference)
    /// Never null.
    case required(TypeReference)

    public static func required(_ name: String) -> TypeReference { .required(.named(name)) }

    /// As it is written: `[Order!]!`.
    public var description: String {
        switch self {
        case .named(let name): name
        case .list(let type): "[\(type)]"
        case .required(let type): "\(type)!"
        }
    }

    /// The type that a notation like `[Order!]!` means; for schemas, which are ours, and introspection, which reads them.
    public init?(_ text: some StringProtocol) {
        if text.hasSuffix("!") {
            guard let type = TypeReference(text.dropLast()), !type.isRequired else { return nil }
            self = .required(type)
        } else if text.hasPrefix("["), text.hasSuffix("]") {
            guard let type = TypeReference(text.dropFirst().dropLast()) else { return nil }
            self = .list(type)
        } else {
            let bytes = text.utf8
            guard let first = bytes.first, Lexer.beginsName(first), bytes.allSatisfy({ Lexer.beginsName($0) || Lexer.isDigit($0) }) else { return nil }
            self = .named(String(text))
        }
    }

    /// The name in the middle.
    public var name: String {
        switch self {
        case .named(let name): name
        case .list(let type), .required(let type): type.name
        }
    }

    public var isRequired: Bool { if case .required = self { true } else { false } }

    /// The type that may be null.
    public var optional: TypeReference { if case .required(let type) = self { type } else { self } }

    /// The element's type; nil for what is no list.
    public var element: TypeReference? { if case .list(let type) = optional { type } else { nil } }

    /// Whether every value of this type is one of another (GraphQL, October 2021, 5.8.5: AreTypesCompatible).
    func isCompatible(with location: TypeReference) -> Bool {
        switch (self, location) {
        case (.required(let own), .required(let other)): own.isCompatible(with: other)
        case (_, .required): false
        case (.required(let own), _): own.isCompatible(with: location)
        case (.list(let own), .list(let other)): own.isCompatible(with: other)
        case (.list, _), (_, .list): false
        case (.named(let own), .named(let other)): own == other
        }
    }
}
