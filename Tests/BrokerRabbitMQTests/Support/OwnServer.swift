import Foundation
import Testing

/// A RabbitMQ node for one test alone, which may stop it, starve it and look into it.
final class OwnServer: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Whether there is a node to start; without one such tests fail where CI is set, and are skipped elsewhere.
    static let isWanted = FileManager.default.fileExists(atPath: "/usr/lib/rabbitmq/bin/rabbitmq-server") || ProcessInfo.processInfo.environment["CI"] != nil
    static let hint: Comment = "RabbitMQ is not installed here: apt-get install rabbitmq-server"

    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("scripts").path

    let folder: String
    /// The address, and that for TLS.
    let url: String
    let port: Int
    var tlsPort: Int { port + 4 }
    func certificate(_ name: String) -> String { "\(folder)/rabbitmq/tls/\(name)" }

    private init(_ folder: String, _ url: String, _ port: Int) { (self.folder, self.url, self.port) = (folder, url, port) }

    /// Starts a node for a closure and stops it afterwards.
    static func with(tls: Bool = false, _ body: (OwnServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-rabbitmq-\(UInt32.random(in: 0 ... .max))").path
        try await engines("start", folder, environment: tls ? ["WAYBILL_RABBITMQ_TLS": "1"] : [:])
        let environment = try String(contentsOfFile: "\(folder)/env", encoding: .utf8)
        let url = try #require(environment.split(separator: "\n").first { $0.hasPrefix("WAYBILL_TEST_RABBITMQ=") }?.dropFirst(22).description)
        let port = try #require(Int(url.split(separator: ":").last?.dropLast() ?? ""))
        let server = OwnServer(folder, url, port)
        do { try await body(server) } catch {
            await server.end()
            throw error
        }
        await server.end()
    }

    private func end() async {
        try? await OwnServer.engines("stop", folder)
        try? FileManager.default.removeItem(atPath: folder)
    }

    func stop() async throws { try await OwnServer.engines("stop", folder) }
    func start() async throws { try await OwnServer.engines("start", folder) }
    /// Ends it as a crash would, and starts it again.
    func crash() async throws { try await OwnServer.engines("restart", folder, "--hard") }

    /// Whether the node would find its quorum queues again after a crash. RabbitMQ answers that a queue is made before it has written down where its log is; a queue
    /// whose node is killed before that (up to some three seconds) comes back without its messages, and never elects a leader.
    func remembers(_ queues: [String]) -> Bool {
        let node = "waybill-\(port)@localhost"
        guard let register = FileManager.default.contents(atPath: "\(folder)/rabbitmq/data/\(node)/quorum/\(node)/names.dets") else { return false }
        return queues.allSatisfy { register.range(of: Data("%2F_\($0)".utf8)) != nil }
    }

    /// Runs `rabbitmqctl` on the node.
    @discardableResult
    func control(_ arguments: String...) async throws -> String {
        let script =
            "dir='\(folder)/rabbitmq'; base=\(port - 2); source '\(OwnServer.scripts)/engines.d/rabbitmq.sh'; rabbitmq_environment; exec rabbitmqctl --quiet \"$@\""
        return try await OwnServer.run("/bin/bash", ["-c", script, "rabbitmqctl"] + arguments)
    }

    private static func engines(_ command: String, _ folder: String, _ more: String..., environment: [String: String] = [:]) async throws {
        _ = try await run("\(scripts)/engines", [command, "rabbitmq", "--dir", folder] + more, environment: environment)
    }

    /// Runs a program to its end, off the threads that tests run on.
    private static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try runAndWait([program] + arguments, environment) }) }
        }
    }

    /// By `posix_spawn`, because Foundation's `Process` lets what it starts inherit a socket and blocked signals: the server would never hear that it is to end.
    private static func runAndWait(_ command: [String], _ environment: [String: String]) throws -> String {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-output-\(UInt64.random(in: 0 ... .max))").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
        var process = pid_t()
        let status = withCStrings(command) { arguments in withCStrings(variables) { posix_spawn(&process, command[0], &actions, &attributes, arguments, $0) } }
        guard status == 0 else { throw Failure(description: "\(command[0]) cannot be started: \(status)") }
        var result: Int32 = 0
        while waitpid(process, &result, 0) < 0, errno == EINTR {}
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard result == 0 else { throw Failure(description: "\(command.joined(separator: " ")): \(text)") }
        return text
    }

    private static func withCStrings<T>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T) -> T {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
