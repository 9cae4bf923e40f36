import Foundation
import Messaging

extension RabbitMQConfiguration {
    /// Reads an address as RabbitMQ's URI specification has it: `amqp://user:password@host:5672/vhost`, or `amqps://` for TLS.
    ///
    /// Several nodes are separated by commas. Without a user it is `guest`; without a virtual host, and for a lone `/`, it is `/`. The parameters
    /// `cacertfile`, `certfile`, `keyfile`, `verify` (`verify_peer` or `verify_none`), `auth_mechanism` (`plain` or `external`), `heartbeat` (seconds) and
    /// `connection_timeout` (milliseconds) are known, others are refused.
    /// - Throws: ``BrokerError/misconfigured(_:)``, without the address in it: it may hold a password.
    public init(url: String) throws {
        let address = try Address(url)
        self.init(
            endpoints: try address.endpoints(), virtualHost: try address.virtualHost(), login: try address.login(), tls: address.isEncrypted ? TLS() : nil)
        for (name, value) in try address.parameters() { try set(name, value) }
        try validate()
    }

    private mutating func set(_ name: String, _ value: String) throws {
        func number() throws -> Int {
            guard let number = Int(value), (1...86_400_000).contains(number) else { throw Address.wrong("\(name) is a number, at least 1") }
            return number
        }
        switch name {
        case "cacertfile", "certfile", "keyfile", "verify":
            guard var options = tls else { throw Address.wrong("\(name) is for amqps only") }
            switch name {
            case "cacertfile": options.authorities = value
            case "certfile": options.certificate = value
            case "keyfile": options.key = value
            default:
                guard value == "verify_peer" || value == "verify_none" else { throw Address.wrong("verify is verify_peer or verify_none") }
                options.verifiesBroker = value == "verify_peer"
            }
            tls = options
        case "auth_mechanism":
            guard value == "plain" || value == "external" else { throw Address.wrong("auth_mechanism is plain or external") }
            if value == "external" { login = .external }
        case "heartbeat": heartbeat = .seconds(try number())
        case "connection_timeout": connectTimeout = .milliseconds(try number())
        default: throw Address.wrong("the parameter \(name) is not known")
        }
    }
}

/// The pieces of an address, still encoded.
private struct Address {
    let isEncrypted: Bool
    private let userInformation: Substring?
    private let hosts: Substring
    private let path: Substring?
    private let query: Substring?

    static func wrong(_ words: String) -> BrokerError { .misconfigured("RabbitMQ's address: \(words)") }

    init(_ url: String) throws {
        var rest: Substring
        if url.hasPrefix("amqp://") {
            (isEncrypted, rest) = (false, url.dropFirst(7))
        } else if url.hasPrefix("amqps://") {
            (isEncrypted, rest) = (true, url.dropFirst(8))
        } else {
            throw Address.wrong("it begins with amqp:// or amqps://")
        }
        (rest, query) = Address.split(rest, at: "?")
        (rest, path) = Address.split(rest, at: "/")
        // The last one: a password that was not encoded may hold an @ of its own.
        if let at = rest.lastIndex(of: "@") {
            (userInformation, hosts) = (rest[..<at], rest[rest.index(after: at)...])
        } else {
            (userInformation, hosts) = (nil, rest)
        }
    }

    private static func split(_ text: Substring, at separator: Character) -> (Substring, Substring?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (text[..<index], text[text.index(after: index)...])
    }

    private static func decoded(_ text: Substring, _ what: String) throws -> String {
        guard let decoded = String(text).removingPercentEncoding, !decoded.utf8.contains(0) else { throw wrong("the \(what) is not encoded properly") }
        return decoded
    }

    func endpoints() throws -> [RabbitMQConfiguration.Endpoint] {
        try hosts.split(separator: ",", omittingEmptySubsequences: false).map { part in
            var (host, port): (Substring, Substring?) = (part, nil)
            if part.hasPrefix("["), let end = part.firstIndex(of: "]") {
                host = part[part.index(after: part.startIndex)..<end]
                let rest = part[part.index(after: end)...]
                guard rest.isEmpty || rest.hasPrefix(":") else { throw Address.wrong("after an IPv6 address comes a colon and the port") }
                port = rest.isEmpty ? nil : rest.dropFirst()
            } else {
                (host, port) = Address.split(part, at: ":")
            }
            guard !host.isEmpty else { throw Address.wrong("a host is missing") }
            guard let number = port.map({ Int($0) }) ?? (isEncrypted ? 5671 : 5672) else { throw Address.wrong("a port is a number") }
            return .init(host: try Address.decoded(host, "host"), port: number)
        }
    }

    func login() throws -> RabbitMQConfiguration.Login {
        guard let userInformation else { return .plain(user: "guest", password: "guest") }
        let (user, password) = Address.split(userInformation, at: ":")
        return .plain(user: try Address.decoded(user, "user"), password: try Address.decoded(password ?? "", "password"))
    }

    func virtualHost() throws -> String {
        guard let path, !path.isEmpty else { return "/" }
        return try Address.decoded(path, "virtual host")
    }

    func parameters() throws -> [(String, String)] {
        try (query ?? "").split(separator: "&").map { pair in
            let (name, value) = Address.split(pair, at: "=")
            return (try Address.decoded(name, "parameter"), try Address.decoded(value ?? "", "parameter"))
        }
    }
}
