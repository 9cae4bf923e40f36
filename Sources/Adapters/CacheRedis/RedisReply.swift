import CRedis

/// An answer of Redis (RESP 2), copied out of the C library.
enum RedisReply: Sendable, Equatable {
    case none
    case integer(Int64)
    case bytes([UInt8])
    case status(String)
    case error(String)
    case array([RedisReply])

    /// Copies a reply. What the library itself would not make, and arrays in arrays beyond its own bound, read as an error.
    init(_ reply: redisReply, depth: Int = 0) {
        switch reply.type {
        case REDIS_REPLY_NIL: self = .none
        case REDIS_REPLY_INTEGER: self = .integer(Int64(reply.integer))
        case REDIS_REPLY_STRING: self = .bytes(RedisReply.bytes(reply))
        case REDIS_REPLY_STATUS: self = .status(String(decoding: RedisReply.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: self = .error(String(decoding: RedisReply.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ARRAY where depth < 8:
            self = .array(
                (0..<reply.elements).map { index in
                    guard let element = reply.element?[index] else { return .none }
                    return RedisReply(element.pointee, depth: depth + 1)
                })
        default: self = .error("a reply of unknown type \(reply.type)")
        }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        guard let start = reply.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: reply.len))
    }

    /// The number that a reply is, also where it is one in digits.
    var number: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
        case .none, .status, .error, .array: nil
        }
    }

    var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        case .none, .integer, .error, .array: nil
        }
    }

    var elements: [RedisReply]? { if case .array(let elements) = self { elements } else { nil } }

    /// The reply, unless it is an error.
    func get() throws(RedisError) -> RedisReply {
        if case .error(let text) = self { throw .refused(text) }
        return self
    }

    /// The answer to `TIME` in milliseconds.
    var milliseconds: Int64? {
        guard let parts = elements, parts.count == 2, let seconds = parts[0].number, let microseconds = parts[1].number,
            (0...Int64(1 << 40)).contains(seconds), (0..<1_000_000).contains(microseconds)
        else { return nil }
        return seconds * 1000 + microseconds / 1000
    }
}
