import Foundation
import Messaging
import Testing
import Wire

@testable import BrokerKafka

@Suite("Kafka's other clients", .enabled(if: TestCluster.isWanted, TestCluster.hint), .timeLimit(.minutes(2)))
struct OtherClientTests {
    private static let program = ["/usr/bin/kcat", "/usr/local/bin/kcat"].first { FileManager.default.isExecutableFile(atPath: $0) }
    private static var isWanted: Bool { program != nil || ProcessInfo.processInfo.environment["CI"] != nil }

    /// Runs kcat to its end.
    /// - Parameter input: what it finds on its standard input.
    private func kcat(_ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(OtherClientTests.program, "kcat is missing"))
        process.arguments = ["-b", try TestCluster.configuration().bootstrapServers] + arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = FileHandle.nullDevice
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    @Test("kcat reads what we publish: key, headers as CloudEvents has them, body", .enabled(if: isWanted, "kcat is missing"))
    func reading() async throws {
        let (broker, topology) = (TestCluster.broker(try TestCluster.configuration()), TestCluster.topology())
        try await broker.open(topology)
        let key = Identifier(high: 0x0192_8f00_0000_7000, low: 0x8000_0000_0000_0001)
        let headers: [BrokerMessage.Header] = [
            .init("id", "17"), .init("type", "OrderCreated"), .init("content-type", "application/json"), .init("traceparent", "00-ab-cd-01"),
            .init("empty", ""),
        ]
        try await broker.publish([BrokerMessage(topic: topology.topics[0], key: key, headers: headers, body: Array(#"{"orderId":1}"#.utf8))])
        let output = try kcat(["-C", "-t", topology.topics[0], "-e", "-q", "-f", "%k|%h|%s\\n"])
        #expect(output == "\(key)|ce_id=17,ce_type=OrderCreated,content-type=application/json,traceparent=00-ab-cd-01,ce_empty=|{\"orderId\":1}\n")
        await broker.close()
    }

    @Test("we read what kcat publishes, and its murmur2 finds the same partitions as ours", .enabled(if: isWanted, "kcat is missing"))
    func writing() async throws {
        let (broker, topology) = (TestCluster.broker(try TestCluster.configuration()), TestCluster.topology())
        try await broker.open(topology)
        let topic = topology.topics[0]
        let ours = (0..<40).map { TestCluster.message($0, 0, topic: topic) }
        try await broker.publish(ours)
        let lines = ours.map { "\($0.key)\t1" }.joined(separator: "\n") + "\n"
        _ = try kcat(["-P", "-t", topic, "-K", "\t", "-H", "ce_id=7", "-H", "content-type=text/plain", "-X", "partitioner=murmur2_random"], input: lines)
        let member = try await broker.subscribe(group: topology.groups[0].name, topics: [topic], member: "a")
        let found = try await member.take(80)
        for message in ours {
            let pair = found.filter { $0.message.key == message.key }
            #expect(pair.count == 2)
            #expect(Set(pair.map(\.partition)).count == 1, "\(message.key) is in two partitions")
            #expect(pair.last?.message.header("id") == "7")
            #expect(pair.last?.message.header("content-type") == "text/plain")
        }
        await broker.close()
    }
}
