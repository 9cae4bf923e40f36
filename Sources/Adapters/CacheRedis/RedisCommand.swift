/// A command with its arguments, or a script with its keys and arguments.
enum RedisCommand: Sendable {
    case plain([RedisArgument])
    case script(RedisScript, keys: [RedisArgument], arguments: [RedisArgument])

    static func plain(_ words: RedisArgument...) -> RedisCommand { .plain(words) }

    /// About how many bytes it takes on the wire.
    var size: Int {
        switch self {
        case .plain(let words): words.reduce(16) { $0 + $1.count + 16 }
        case .script(_, let keys, let arguments): (keys + arguments).reduce(96) { $0 + $1.count + 16 }
        }
    }

    /// Appends the command as RESP: an array of bulk strings.
    /// - Parameter digest: what this server calls a script.
    func encode(into bytes: inout [UInt8], digest: (RedisScript) -> String) {
        switch self {
        case .plain(let words): RedisCommand.encode(words, into: &bytes)
        case .script(let script, let keys, let arguments):
            RedisCommand.encode(["EVALSHA", .text(digest(script)), .integer(Int64(keys.count))] + keys + arguments, into: &bytes)
        }
    }

    private static func encode(_ words: [RedisArgument], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "*\(words.count)\r\n".utf8)
        for word in words {
            bytes.append(contentsOf: "$\(word.count)\r\n".utf8)
            switch word {
            case .text(let text): bytes.append(contentsOf: text.utf8)
            case .bytes(let content): bytes.append(contentsOf: content)
            }
            bytes.append(contentsOf: [13, 10])
        }
    }
}

/// One word of a command.
enum RedisArgument: Sendable, ExpressibleByStringLiteral {
    case text(String)
    case bytes([UInt8])

    init(stringLiteral text: String) { self = .text(text) }
    static func integer(_ value: Int64) -> RedisArgument { .text(String(value)) }

    var count: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        }
    }
}
