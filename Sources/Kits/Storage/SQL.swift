import Synchronization

/// One statement, written once per service and prepared once per connection.
///
/// Parameters are `$1`, `$2` ... as PostgreSQL numbers them; every engine's adapter understands them. The one word in braces, `{forUpdate}`, locks the
/// selected rows where an engine has several writers and is empty where there is one. Keep statements in `static let`s: the identity is what adapters
/// find the prepared statement by, so that running one costs no look-up by text.
public final class SQL: Sendable {
    private static let count = Atomic<Int>(0)

    /// A small number, unique in the process.
    public let id: Int
    /// The text as written.
    public let text: String

    /// A statement with this text.
    public init(_ text: String) {
        self.text = text
        id = SQL.count.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
