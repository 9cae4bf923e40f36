import Foundation
import Synchronization
import Testing

/// A mock Kafka cluster in a process of its own, which ends with the test process at the latest: its standard input ends then.
final class MockCluster: @unchecked Sendable {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    let bootstrap: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    /// One command at a time; the rest of the output that was read too early.
    private let unread = Mutex<[UInt8]>([])

    /// The program beside the test bundle.
    static var program: URL? {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let besides = [folder, URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath().deletingLastPathComponent()]
        return besides.map { $0.appendingPathComponent("kafka-mock") }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// Whether tests that need a mock are to run: where CI is set they fail without one.
    static var isWanted: Bool { program != nil || ProcessInfo.processInfo.environment["CI"] != nil }

    init(brokers: Int = 1, topics: [String: Int] = [:]) throws {
        guard let program = MockCluster.program else { throw Refused(description: "kafka-mock is not beside the tests") }
        process.executableURL = program
        process.arguments = ["--brokers", "\(brokers)"] + topics.sorted { $0.key < $1.key }.flatMap { ["--topic", "\($0.key):\($0.value)"] }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = try MockCluster.line(output, unread)
        guard line.hasPrefix("bootstrap=") else { throw Refused(description: "kafka-mock said \(line)") }
        bootstrap = String(line.dropFirst("bootstrap=".count))
    }

    /// Gives a command and waits for its answer.
    func command(_ words: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data("\(words)\n".utf8))
        let answer = try MockCluster.line(output, unread)
        if answer != "ok" { throw Refused(description: "\(words): \(answer)") }
    }

    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private static func line(_ pipe: Pipe, _ unread: borrowing Mutex<[UInt8]>) throws -> String {
        try unread.withLock { bytes in
            while true {
                if let end = bytes.firstIndex(of: 10) {
                    defer { bytes.removeFirst(end + 1) }
                    return String(decoding: bytes[..<end], as: UTF8.self)
                }
                let more = pipe.fileHandleForReading.availableData
                if more.isEmpty { throw Refused(description: "kafka-mock has ended") }
                bytes += more
            }
        }
    }
}
