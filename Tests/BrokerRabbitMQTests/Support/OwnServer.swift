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
            DispatchQueue.global().async { continuation.resume(with: Result { try runAndWait(program, arguments, environment) }) }
        }
    }

    private static func runAndWait(_ program: String, _ arguments: [String], _ environment: [String: String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        // To its end: a pipe that nobody reads would stop the program.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failure(description: "\(program) \(arguments.joined(separator: " ")): \(text)") }
        return text
    }
}
