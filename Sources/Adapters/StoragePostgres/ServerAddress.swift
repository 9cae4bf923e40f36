import CPostgres
import Glibc
import Storage

/// Where a database is and how to get in: a connection string, taken apart.
struct ServerAddress: Sendable {
    private let options: [String: String]

    /// Takes a connection string apart: `postgres://user@host:5432/database?sslmode=verify-full` or `host=... dbname=...`. What it leaves out comes from libpq's
    /// environment variables and files (PGPASSWORD, PGPASSFILE, PGSSLROOTCERT, a service file ...).
    /// - Throws: ``StorageError/failed(_:)`` for a text that is none.
    init(_ text: String, applicationName: String) throws {
        var message: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(text, &message) else {
            defer { PQfreemem(message) }
            // libpq's message may quote what it did not understand, which may be a password.
            throw StorageError.failed("the connection string of PostgreSQL is neither a URI (postgres://host/database) nor keywords (host=... dbname=...)")
        }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var option = parsed
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        // A dead network is noticed within half a minute, and of several hosts the one that is the primary at the moment is taken, unless the connection string knows
        // better. That goes for those who only read as well: a standby is behind, and would show statuses that go back (promise S12).
        for (keyword, value) in [
            ("application_name", applicationName), ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "20000"), ("target_session_attrs", "primary"),
        ] where options[keyword] == nil { options[keyword] = value }
        options["client_encoding"] = "UTF8"
        self.options = options
    }

    private init(options: [String: String]) { self.options = options }

    /// The same server, another database.
    func database(_ name: String) -> ServerAddress { ServerAddress(options: options.merging(["dbname": name]) { $1 }) }

    /// The database's name as given; PostgreSQL's own default is the user's name.
    var databaseName: String? { options["dbname"] ?? options["user"] }

    /// For messages: no user and no password.
    var description: String {
        let place = options["host"] ?? options["hostaddr"] ?? "the default host"
        return "\(place)\(options["port"].map { ":\($0)" } ?? "")/\(options["dbname"] ?? "")"
    }

    /// Connects, which may take `timeout` per address. The caller looks at the status and finishes the connection.
    func connect(timeout: Duration) -> OpaquePointer? {
        withOptions(timeout) { PQconnectdbParams($0, $1, 0) }
    }

    /// Whether somebody answers there: tells a server that is away from one that refuses us.
    var isAnswering: Bool { withOptions(.seconds(3)) { PQpingParams($0, $1, 0) } == PQPING_OK }

    private func withOptions<T>(
        _ timeout: Duration, _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> T
    ) -> T {
        var options = options
        // Whole seconds, of which libpq takes two at least.
        if options["connect_timeout"] == nil { options["connect_timeout"] = String(max(2, (timeout.nanoseconds + 999_999_999) / 1_000_000_000)) }
        let copies = options.map { (strdup($0.key), strdup($0.value)) }
        defer {
            for (keyword, value) in copies {
                free(keyword)
                free(value)
            }
        }
        let keywords = copies.map { UnsafePointer<CChar>($0.0) } + [nil]
        let values = copies.map { UnsafePointer<CChar>($0.1) } + [nil]
        return body(keywords, values)
    }
}
