import Wire

/// A value on its way into a statement.
public enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
    case id(Identifier)

    /// The value of an optional integer.
    public static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }
    /// The value of an optional text.
    public static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    /// The value of an optional identifier.
    public static func optional(_ value: Identifier?) -> SQLValue { value.map(SQLValue.id) ?? .null }
    /// A moment, stored as milliseconds.
    public static func time(_ value: Timestamp) -> SQLValue { .integer(value.milliseconds) }
    /// A truth value, stored as 0 or 1.
    public static func bool(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
}

/// A row of a result, valid only while the closure that receives it runs. Columns are numbered from 0; their types are those of the schema.
public protocol Row {
    func isNull(_ column: Int) -> Bool
    func integer(_ column: Int) -> Int64
    func text(_ column: Int) -> String
    func bytes(_ column: Int) -> [UInt8]
    func id(_ column: Int) -> Identifier
}

extension Row {
    /// The integer of a column that may be null.
    public func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    /// The text of a column that may be null.
    public func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
    /// The identifier of a column that may be null.
    public func optionalID(_ column: Int) -> Identifier? { isNull(column) ? nil : id(column) }
    /// The moment of a column of milliseconds.
    public func time(_ column: Int) -> Timestamp { Timestamp(milliseconds: integer(column)) }
    /// The moment of a column of milliseconds that may be null.
    public func optionalTime(_ column: Int) -> Timestamp? { isNull(column) ? nil : time(column) }
    /// The truth value of a column of 0 and 1.
    public func bool(_ column: Int) -> Bool { integer(column) != 0 }
}
