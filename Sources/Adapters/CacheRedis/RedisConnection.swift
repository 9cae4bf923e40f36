import CRedis
import Glibc

/// One connection, confined to one thread at a time. The library formats nothing and waits for nothing: it keeps the buffers and parses replies, and every wait has
/// an end of ours, because the library's own time-outs hold for each system call and not for the whole.
final class RedisConnection {
    private let context: UnsafeMutablePointer<redisContext>
    private let configuration: RedisConfiguration
    /// What this server calls each script: the SHA-1 of its text, which the server computes.
    private var digests: [RedisScript: String] = [:]

    /// Connects, introduces itself, selects the database and loads the scripts.
    /// - Throws: ``RedisError``.
    init(_ configuration: RedisConfiguration) throws(RedisError) {
        self.configuration = configuration
        guard let context = redisConnectNonBlock(configuration.host, Int32(configuration.port)) else { throw .connection("out of memory") }
        self.context = context
        if context.pointee.err != 0 { throw .connection(message) }
        // Programs that this process starts have no business with it.
        _ = fcntl(context.pointee.fd, F_SETFD, FD_CLOEXEC)
        let deadline = Uptime.now + Uptime.nanoseconds(configuration.connectTimeout)
        try awaitConnected(until: deadline)
        try introduce(until: deadline)
    }

    deinit { redisFree(context) }

    /// Sends all commands of all requests in one go, and collects the replies.
    ///
    /// Commands whose script the server has forgotten (`SCRIPT FLUSH`) are sent once more after the scripts were loaded again.
    /// - Parameter deadline: of ``Uptime``.
    /// - Returns: a list of replies per request.
    /// - Throws: ``RedisError``; the connection is of no use then, for replies may still be on their way.
    func exchange(_ requests: [[RedisCommand]], until deadline: UInt64) throws(RedisError) -> [[RedisReply]] {
        var answers = try pipeline(requests, until: deadline)
        let forgotten = answers.indices.filter { answers[$0].contains(where: RedisConnection.isForgottenScript) }
        guard !forgotten.isEmpty else { return answers }
        try loadScripts(until: deadline)
        for (index, answer) in zip(forgotten, try pipeline(forgotten.map { requests[$0] }, until: deadline)) { answers[index] = answer }
        return answers
    }

    /// Sends one command.
    func send(_ command: RedisCommand, until deadline: UInt64) throws(RedisError) -> RedisReply { try exchange([[command]], until: deadline)[0][0] }

    private static func isForgottenScript(_ reply: RedisReply) -> Bool { if case .error(let text) = reply { text.hasPrefix("NOSCRIPT") } else { false } }

    private func pipeline(_ requests: [[RedisCommand]], until deadline: UInt64) throws(RedisError) -> [[RedisReply]] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(requests.reduce(0) { $0 + $1.reduce(0) { $0 + $1.size } })
        for command in requests.joined() { command.encode(into: &bytes) { digests[$0] ?? "" } }
        let added = bytes.withUnsafeBytes { redisAppendFormattedCommand(context, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count) }
        guard added == REDIS_OK else { throw .connection(message) }
        var replies = try transfer(requests.reduce(0) { $0 + $1.count }, until: deadline)[...]
        return requests.map { commands in
            defer { replies = replies.dropFirst(commands.count) }
            return Array(replies.prefix(commands.count))
        }
    }

    /// Writes what is to be written and reads so many replies, both at once: a server that cannot get rid of its replies does not read either.
    private func transfer(_ count: Int, until deadline: UInt64) throws(RedisError) -> [RedisReply] {
        var replies: [RedisReply] = []
        replies.reserveCapacity(count)
        var isWritten: Int32 = 0
        guard redisBufferWrite(context, &isWritten) == REDIS_OK else { throw .connection(message) }
        while replies.count < count {
            let events = try wait(for: Int16(POLLIN) | (isWritten == 0 ? Int16(POLLOUT) : 0), until: deadline)
            if events & Int16(POLLOUT) != 0, redisBufferWrite(context, &isWritten) != REDIS_OK { throw .connection(message) }
            guard events & ~Int16(POLLOUT) != 0 else { continue }
            guard redisBufferRead(context) == REDIS_OK else { throw .connection(message) }
            while replies.count < count, let reply = try nextReply() { replies.append(reply) }
        }
        return replies
    }

    /// The next reply that has been read as a whole; nil where none has.
    private func nextReply() throws(RedisError) -> RedisReply? {
        var pointer: UnsafeMutableRawPointer?
        guard redisGetReplyFromReader(context, &pointer) == REDIS_OK else { throw .malformed(message) }
        guard let pointer else { return nil }
        defer { freeReplyObject(pointer) }
        return RedisReply(pointer.assumingMemoryBound(to: redisReply.self).pointee)
    }

    /// Waits until the socket can be read or written.
    /// - Returns: what can be done, errors included, which the next call then tells.
    private func wait(for events: Int16, until deadline: UInt64) throws(RedisError) -> Int16 {
        while true {
            let now = Uptime.now
            guard now < deadline else { throw .timedOut }
            var descriptor = pollfd(fd: context.pointee.fd, events: events, revents: 0)
            // Rounded up, so that the last millisecond is slept through and not spun away.
            let ready = poll(&descriptor, 1, Int32(clamping: (deadline - now + 999_999) / 1_000_000))
            if ready > 0 { return descriptor.revents }
            if ready < 0, errno != EINTR { throw .connection(String(cString: strerror(errno))) }
        }
    }

    private func awaitConnected(until deadline: UInt64) throws(RedisError) {
        _ = try wait(for: Int16(POLLOUT), until: deadline)
        var (code, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        guard getsockopt(context.pointee.fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { throw .connection(String(cString: strerror(errno))) }
        guard code == 0 else { throw .connection(String(cString: strerror(code))) }
    }

    private func introduce(until deadline: UInt64) throws(RedisError) {
        if let password = configuration.password {
            let words: [RedisArgument] = ["AUTH"] + (configuration.user.map { [.text($0)] } ?? []) + [.text(password)]
            _ = try send(.plain(words), until: deadline).get()
        }
        if configuration.database != 0 { _ = try send(.plain("SELECT", .integer(Int64(configuration.database))), until: deadline).get() }
        // For people who look at the list of clients; a user without the right to it works as well.
        _ = try send(.plain("CLIENT", "SETNAME", "waybill"), until: deadline)
        try loadScripts(until: deadline)
        // A server that takes its time is not there: readers would wait for it in vain.
        _ = try send(.plain("PING"), until: min(deadline, Uptime.now + Uptime.nanoseconds(configuration.replyTimeout))).get()
    }

    private func loadScripts(until deadline: UInt64) throws(RedisError) {
        let replies = try pipeline([RedisScript.allCases.map { .plain("SCRIPT", "LOAD", .text($0.text)) }], until: deadline)[0]
        for (script, reply) in zip(RedisScript.allCases, replies) {
            guard let digest = try reply.get().text else { throw .malformed("SCRIPT LOAD answered \(reply)") }
            digests[script] = digest
        }
    }

    /// What the library says of its last error.
    private var message: String {
        let text = withUnsafeBytes(of: context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return text.isEmpty ? "unknown error \(context.pointee.err)" : text
    }
}
