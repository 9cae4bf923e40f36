import Resilience

/// Where Redis is, who we are there, and how long we wait for it.
public struct RedisConfiguration: Sendable {
    public var host: String
    public var port: Int
    /// The name of the ACL user (Redis 6 and later); nil for the default user.
    public var user: String?
    public var password: String?
    /// The number of the database that is selected.
    public var database: Int
    /// What every key begins with, so that several platforms can share a server.
    public var prefix: String

    /// Connections, each with a thread of its own.
    public var connections = 2
    /// How long opening a connection and introducing ourselves may take: 500 ms.
    public var connectTimeout: Duration = .milliseconds(500)
    /// How long a round trip may take before the connection counts as lost: 50 ms. A request also waits at most so long for its turn, so a caller waits for at most
    /// twice this.
    public var replyTimeout: Duration = .milliseconds(50)
    /// How many requests may wait for their turn.
    public var maximumWaiting = 20_000
    /// How many requests are sent in one write.
    public var maximumBatch = 256
    /// So many failures within ten seconds, and Redis is left alone for two.
    public var breaker = CircuitBreaker.Configuration(failureThreshold: 5, windowMilliseconds: 10_000, openMilliseconds: 2_000)

    /// What stands for a prefix that nobody gave.
    public static let defaultPrefix = "waybill:"

    public init(
        host: String = "127.0.0.1", port: Int = 6379, user: String? = nil, password: String? = nil, database: Int = 0,
        prefix: String = RedisConfiguration.defaultPrefix
    ) {
        (self.host, self.port, self.user, self.password, self.database, self.prefix) = (host, port, user, password, database, prefix)
    }

    /// Reads `redis://[[user]:password@]host[:port][/database][?prefix=text]`. User, password and prefix may be percent-encoded.
    /// - Throws: ``RedisError/configuration(_:)``, in words that do not repeat the password.
    public init(url text: String) throws(RedisError) {
        var rest = Substring(text)
        let scheme = rest.prefix { $0 != ":" }.lowercased()
        if scheme == "rediss" {
            throw .configuration(
                "rediss:// (TLS) is not supported: the C library of this build, hiredis 0.14, has none. Use redis:// within a trusted network, or through a "
                    + "local TLS proxy such as stunnel")
        }
        guard scheme == "redis", rest.dropFirst(5).hasPrefix("://") else { throw .configuration("a Redis URL begins with redis://") }
        rest = rest.dropFirst(8)
        self.init()
        if let mark = rest.lastIndex(of: "?") {
            prefix = try RedisConfiguration.prefix(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if let at = rest.lastIndex(of: "@") {
            (user, password) = try RedisConfiguration.credentials(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        let authority = rest.prefix { $0 != "/" }
        (host, port) = try RedisConfiguration.address(authority)
        let path = rest.dropFirst(authority.count + 1)
        guard let number = path.isEmpty ? 0 : Int(path), (0...1_000_000).contains(number), path.first != "+" else {
            throw .configuration("what follows the host in a Redis URL is the number of a database: redis://host:6379/0")
        }
        database = number
    }

    /// The place, for messages; without credentials.
    public var place: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)\(database == 0 ? "" : "/\(database)")" }

    private static func credentials(_ text: Substring) throws(RedisError) -> (user: String?, password: String?) {
        guard let colon = text.firstIndex(of: ":") else {
            throw .configuration("a Redis URL gives user and password as user:password@, or :password@ for the default user")
        }
        guard let user = decoded(text[..<colon]), let password = decoded(text[text.index(after: colon)...]) else {
            throw .configuration("user and password of a Redis URL must be percent-encoded where they contain %")
        }
        guard !password.isEmpty else { throw .configuration("the password in the Redis URL is empty") }
        return (user.isEmpty ? nil : user, password)
    }

    private static func address(_ text: Substring) throws(RedisError) -> (host: String, port: Int) {
        var (name, port) = (text, Substring("6379"))
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            name = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .configuration("only a port may follow the address in a Redis URL") }
            if !after.isEmpty { port = after.dropFirst() }
        } else if let colon = text.lastIndex(of: ":") {
            (name, port) = (text[..<colon], text[text.index(after: colon)...])
            guard !name.contains(":") else { throw .configuration("an IPv6 address stands in brackets in a Redis URL") }
        }
        guard !name.isEmpty else { throw .configuration("the Redis URL names no host") }
        guard name.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { throw .configuration("the host of the Redis URL contains blanks or letters outside ASCII") }
        guard let number = Int(port), (1...65_535).contains(number) else { throw .configuration("the port of the Redis URL is no number from 1 to 65535") }
        return (String(name), number)
    }

    private static func prefix(_ query: Substring) throws(RedisError) -> String {
        guard query.hasPrefix("prefix="), !query.contains("&"), let prefix = decoded(query.dropFirst(7)) else {
            throw .configuration("the only parameter of a Redis URL is prefix, as in redis://host?prefix=shop:")
        }
        guard prefix.utf8.count <= 100 else { throw .configuration("the prefix in the Redis URL has more than 100 bytes") }
        return prefix
    }

    /// Text with every `%XX` replaced; nil where one is broken, or the bytes are not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
