import Dispatch
import Glibc
import Storage

extension RedisClient {
    /// Looks at the server over a connection of its own, for `waybill doctor`: whether it is there, who we are to it, its version, its memory, its role, its clock.
    func examine() async -> [EngineFinding] {
        let queue = DispatchQueue(label: "waybill.redis.examination")
        return await withUnsafeContinuation { continuation in
            queue.async { continuation.resume(returning: RedisExamination(self.configuration).run()) }
        }
    }
}

/// An examination of a server, on a thread that may wait.
struct RedisExamination {
    private static let name = "redis"
    /// The oldest version that is tested.
    private static let oldestVersion = [6, 0]
    /// A clock that is off by more makes the moments in logs and limits hard to compare.
    private static let clockToleranceMilliseconds: Int64 = 1_000

    /// What Redis says of a wrong user or password, and of one that is not needed.
    private static let complaints = ["WRONGPASS", "NOAUTH", "ERR AUTH", "ERR Client sent AUTH"]

    private let configuration: RedisConfiguration

    init(_ configuration: RedisConfiguration) { self.configuration = configuration }

    func run() -> [EngineFinding] {
        do throws(RedisError) {
            let begun = Uptime.now
            let connection = try RedisConnection(configuration)
            let elapsed = Double(Uptime.now - begun) / 1_000_000
            let words = "\(configuration.place) answers, connected in \((elapsed * 10).rounded() / 10) ms"
            return [EngineFinding(.ok, RedisExamination.name, words)] + (try examine(connection))
        } catch { return [finding(error)] }
    }

    private func examine(_ connection: RedisConnection) throws(RedisError) -> [EngineFinding] {
        let deadline = Uptime.now + Uptime.nanoseconds(configuration.connectTimeout)
        var findings = [try rights(connection, deadline)]
        let information = RedisExamination.parse(try connection.send(.plain("INFO"), until: deadline))
        if information.isEmpty {
            findings.append(
                EngineFinding(
                    .warn, RedisExamination.name, "INFO is not allowed, so version and memory are unknown",
                    advice: "allow the user +info to have them looked at"))
        } else {
            findings.append(version(information))
            findings.append(memory(information))
        }
        if let time = try connection.send(.plain("TIME"), until: deadline).milliseconds { findings.append(clock(time)) }
        return findings
    }

    /// Whether what the cache does is allowed and works.
    private func rights(_ connection: RedisConnection, _ deadline: UInt64) throws(RedisError) -> EngineFinding {
        let key = RedisArgument.text(configuration.prefix + "doctor")
        for command in [RedisCommand.plain("SET", key, "1", "PX", "1000"), .plain("GET", key), .script(.invalidate, keys: [key], arguments: ["1000", "1"])] {
            if case .error(let text) = try connection.send(command, until: deadline) { return finding(.refused(text)) }
        }
        return EngineFinding(.ok, RedisExamination.name, "keys \(configuration.prefix)* can be read, written and used by scripts")
    }

    private func version(_ information: [String: String]) -> EngineFinding {
        let text = information["redis_version"] ?? "unknown"
        let isReplica = information["role"] == "slave" || information["role"] == "replica"
        if isReplica {
            return EngineFinding(
                .fail, RedisExamination.name, "version \(text), but a replica, which takes no writes", advice: "point the URL at the primary")
        }
        let numbers = text.split(separator: ".").compactMap { Int($0) }
        guard !numbers.isEmpty, !numbers.lexicographicallyPrecedes(RedisExamination.oldestVersion) else {
            return EngineFinding(.warn, RedisExamination.name, "version \(text) is older than what is tested", advice: "use Redis 6 or later")
        }
        return EngineFinding(.ok, RedisExamination.name, "version \(text)")
    }

    private func memory(_ information: [String: String]) -> EngineFinding {
        let used = (Int(information["used_memory"] ?? "") ?? 0) >> 20
        let maximum = (Int(information["maxmemory"] ?? "") ?? 0) >> 20
        let policy = information["maxmemory_policy"] ?? "unknown"
        guard maximum > 0 else {
            return EngineFinding(
                .warn, RedisExamination.name, "\(used) MiB used, and no bound is set",
                advice: "set maxmemory, and maxmemory-policy allkeys-lru: everything here may be evicted")
        }
        guard policy != "noeviction" else {
            return EngineFinding(
                .warn, RedisExamination.name, "\(used) of \(maximum) MiB used; when it is full, nothing more is cached",
                advice: "set maxmemory-policy allkeys-lru: everything here may be evicted")
        }
        return EngineFinding(.ok, RedisExamination.name, "\(used) of \(maximum) MiB used, \(policy)")
    }

    private func clock(_ time: Int64) -> EngineFinding {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let difference = time - (Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
        guard abs(difference) > RedisExamination.clockToleranceMilliseconds else {
            return EngineFinding(.ok, RedisExamination.name, "its clock agrees with ours")
        }
        return EngineFinding(
            .warn, RedisExamination.name, "its clock is \(abs(difference)) ms \(difference > 0 ? "ahead of" : "behind") ours",
            advice: "synchronise the clocks of both machines (NTP)")
    }

    private func finding(_ error: RedisError) -> EngineFinding {
        let words = "\(configuration.place): \(error)"
        switch error {
        case .refused(let text) where RedisExamination.complaints.contains(where: text.hasPrefix):
            return EngineFinding(.fail, RedisExamination.name, words, advice: "check user and password of the Redis URL")
        case .refused(let text) where text.hasPrefix("NOPERM"):
            return EngineFinding(
                .fail, RedisExamination.name, words,
                advice: "give the user: ~\(configuration.prefix)* +get +set +getrange +time +ping +select +client|setname +script|load +evalsha +info")
        case .refused:
            return EngineFinding(
                .fail, RedisExamination.name, words, advice: "see what Redis says; without it, reads are slower and rate limits count per process")
        case .connection, .timedOut, .away:
            return EngineFinding(
                .fail, RedisExamination.name, words,
                advice: "start Redis, or correct the host and port of the Redis URL; without it, reads are slower and rate limits count per process")
        case .configuration, .overloaded, .malformed, .closed:
            return EngineFinding(.fail, RedisExamination.name, words, advice: "check the Redis URL")
        }
    }

    /// The lines `name:value` of `INFO`; empty for an answer that is none.
    private static func parse(_ reply: RedisReply) -> [String: String] {
        guard let text = reply.text else { return [:] }
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("#") else { continue }
            values[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return values
    }
}
