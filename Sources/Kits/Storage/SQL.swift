import Synchronization

/// One statement, written once per service and prepared once per connection.
///
/// Parameters are `$1`, `$2` ... as PostgreSQL numbers them; every engine's adapter understands them. Three words in braces: `{forUpdate}` and `{forShare}` lock the
/// selected rows where an engine has several writers and are empty where there is one; `{now}` is the database's own clock in milliseconds since 1970. Keep statements in `static let`s: the identity is what adapters
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
