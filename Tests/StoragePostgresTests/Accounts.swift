import Storage
import Wire

/// The table that the tests write to.
enum Accounts {
    static let migrations = [
        Migration(
            version: 1, name: "accounts",
            statements: [
                "CREATE TABLE accounts (id {int} PRIMARY KEY, amount {int} NOT NULL CHECK (amount >= 0), note {text}, data {bytes}) {clustered}",
                "CREATE TABLE entries (number {serial}, account {int} NOT NULL) {heap}",
            ])
    ]
    static let insert = SQL("INSERT INTO accounts (id, amount, note) VALUES ($1, $2, $3)")
    static let insertData = SQL("INSERT INTO accounts (id, amount, data) VALUES ($1, 0, $2)")
    static let get = SQL("SELECT amount FROM accounts WHERE id = $1")
    static let getData = SQL("SELECT data FROM accounts WHERE id = $1")
    static let lock = SQL("SELECT amount FROM accounts WHERE id = $1 {forUpdate}")
    static let add = SQL("UPDATE accounts SET amount = amount + $2 WHERE id = $1")
    static let ids = SQL("SELECT id FROM accounts ORDER BY id")
    static let insertEntry = SQL("INSERT INTO entries (account) VALUES ($1)")
    static let entries = SQL("SELECT number, account FROM entries ORDER BY number")
    static let sleep = SQL("SELECT 1 FROM pg_sleep($1)")
    static let backend = SQL("SELECT pg_backend_pid()")
    static let terminate = SQL("SELECT pg_terminate_backend($1::int)")

    static func row(_ id: Int, _ amount: Int64 = 0, _ note: String? = nil) -> [SQLValue] { [.integer(Int64(id)), .integer(amount), .optional(note)] }
    static func all(in database: any Database) async throws -> [Int] { try await database.read { try $0.query(ids) { Int($0.integer(0)) } } }
    static func amount(_ id: Int, in database: any Database) async throws -> Int64? {
        try await database.read { try $0.first(get, [.integer(Int64(id))]) { $0.integer(0) } }
    }
}
