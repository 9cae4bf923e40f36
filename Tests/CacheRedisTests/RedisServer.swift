import CacheConformance
import Foundation
import Logging
import Storage
import Testing

@testable import CacheRedis

/// A Redis of a test's own, which it can kill, stop and start again. It dies with the tests, however they end.
final class RedisServer: @unchecked Sendable {
    /// Whether tests may run: in CI they must, and fail where there is no server.
    static let isWanted = binary != nil || ProcessInfo.processInfo.environment["CI"] != nil
    static let hint: Comment = "redis-server is not installed: apt-get install redis-server"

    private static let binary = ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The server that tests share which do it no harm: the one that `WAYBILL_TEST_REDIS` names, or one of our own.
    static let shared = Task { () throws -> RedisConfiguration in
        if let url = ProcessInfo.processInfo.environment["WAYBILL_TEST_REDIS"] { return try RedisConfiguration(url: url) }
        let server = try RedisServer()
        try await server.start()
        owned = server
        return server.configuration
    }
    private nonisolated(unsafe) static var owned: RedisServer?

    let port: Int
    private let folder: URL
    private let arguments: [String]
    private let lock = NSLock()
    private var leash: Pipe?
    private var pid: pid_t = 0

    /// Prepares a server on a free port.
    init(_ arguments: [String] = []) throws {
        self.arguments = arguments
        port = try RedisServer.freePort()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-redis-\(port)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// For this server, with keys of the caller's own, and more patience than in production: the machine runs other tests as well.
    var configuration: RedisConfiguration {
        var configuration = RedisConfiguration(port: port, prefix: "test-\(UUID().uuidString):")
        (configuration.connectTimeout, configuration.replyTimeout) = (.seconds(5), .seconds(1))
        return configuration
    }

    /// Starts the server and waits until it answers.
    func start(answers: Bool = true) async throws {
        let binary = try #require(RedisServer.binary, RedisServer.hint)
        // The kernel may take a moment to take the port away from one that was killed.
        let configuration = configuration
        try await eventually("the port is free") { (try? RedisConnection(configuration)) == nil }
        // The shell ends the server when its own input ends, which it does when the tests do. It does not wait for it: a shell whose parent had blocked SIGCHLD would never stop doing so.
        let script = #""$@" </dev/null >/dev/null 2>&1 & echo $!; read -r _; kill -9 $! 2>/dev/null"#
        let (process, leash, output) = (Process(), Pipe(), Pipe())
        // Another server's shell must not hold on to this one's leash.
        _ = fcntl(leash.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments =
            ["-c", script, "sh", binary, "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "no"] + arguments
        process.standardInput = leash
        process.standardOutput = output
        // Whoever reads what the tests say waits until nobody can say anything any more.
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let pid = try #require(pid_t(line))
        lock.withLock { (self.leash, self.pid) = (leash, pid) }
        guard answers else { return }
        try await eventually("Redis answers") { (try? RedisConnection(configuration)) != nil }
    }

    /// As a crash: without a word to anybody.
    func kill() {
        let (pid, leash) = lock.withLock {
            defer { (self.pid, self.leash) = (0, nil) }
            return (self.pid, self.leash)
        }
        guard pid > 0 else { return }
        Foundation.kill(pid, SIGKILL)
        try? leash?.fileHandleForWriting.close()
    }

    /// Stops it where it stands (SIGSTOP); connections stay open, and new ones are accepted by the kernel.
    func pause() { signal(SIGSTOP) }
    func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) { lock.withLock { if pid > 0 { _ = Foundation.kill(pid, number) } } }

    /// Sends a command as somebody else.
    @discardableResult
    func send(_ words: RedisArgument..., configuration: RedisConfiguration? = nil) throws -> RedisReply {
        try RedisConnection(configuration ?? self.configuration).send(.plain(words), until: Uptime.now + 5_000_000_000)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0 }
        }
        try #require(isBound)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Clients and caches for tests.
enum Redis {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func client(_ configuration: RedisConfiguration) async throws -> RedisClient {
        let client = RedisClient(configuration, logger: quiet)
        try await connected(client)
        return client
    }

    static func connected(_ client: RedisClient) async throws {
        try await eventually("the client is connected") { client.connections == client.configuration.connections && !client.isAway }
    }

    static func subject(_ client: RedisClient, policy: CachePolicy = CachePolicy()) -> CacheSubject {
        CacheSubject(RedisCache(client, name: "test", policy: policy)) { try await eventually("all is sent") { client.isIdle } }
    }

    /// A configuration of the shared server with keys of one's own.
    static func shared() async throws -> RedisConfiguration {
        var configuration = try await RedisServer.shared.value
        configuration.prefix = "test-\(UUID().uuidString):"
        (configuration.connectTimeout, configuration.replyTimeout) = (.seconds(10), .seconds(10))
        return configuration
    }
}
