import Foundation
import Glibc
import Logging
import Testing

@testable import Observability

@Suite("JSON log")
struct JSONLogHandlerTests {
    /// Runs the body with a logger that writes into a pipe, and gives back the lines.
    private func lines(level: Logger.Level = .trace, provider: Logger.MetadataProvider? = nil, _ body: (Logger) -> Void) throws -> [String] {
        let pipe = Pipe()
        let writer = LogWriter(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        let handler = JSONLogHandler(label: "orders", logLevel: level, writer: writer, metadataProvider: provider) { 1_769_850_900_007 }
        body(Logger(label: "orders") { _ in handler })
        writer.flush()
        try pipe.fileHandleForWriting.close()
        let data = try #require(try pipe.fileHandleForReading.readToEnd())
        let text = try #require(String(bytes: data, encoding: .utf8))
        #expect(text.hasSuffix("\n"))
        return text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("writes one record as one line with sorted, flattened metadata")
    func record() throws {
        let provider = Logger.MetadataProvider { ["trace": "t1", "own": "provided"] }
        let lines = try lines(provider: provider) { logger in
            var logger = logger
            logger[metadataKey: "service"] = "orders"
            logger.info("accepted", metadata: ["own": "record", "order": ["id": "o1", "lines": ["a", "b"]], "count": .stringConvertible(3)])
        }
        #expect(
            lines == [
                #"{"time":"2026-01-31T09:15:00.007Z","level":"info","logger":"orders","message":"accepted","metadata":"#
                    + #"{"count":"3","order.id":"o1","order.lines.0":"a","order.lines.1":"b","own":"record","service":"orders","trace":"t1"}}"#
            ])
    }

    @Test("names the error of a record and leaves empty metadata out")
    func error() throws {
        struct Broken: Error {}
        let lines = try lines { $0.error("failed", error: Broken()) }
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(#""message":"failed","error":"Broken()"}"#) == true)
    }

    @Test("keeps to one line whatever users send", arguments: ["message", "value", "key"])
    func injection(place: String) throws {
        let nasty = "a\nb\r\n\"},{\\ \u{0}\u{1B}[2J\t\u{7F}\u{85}\u{9B}\u{A0}é\u{2027}\u{2028}\u{2029}\u{1F600}"
        let lines = try lines { logger in
            switch place {
            case "message": logger.info("\(nasty)")
            case "value": logger.info("m", metadata: ["k": "\(nasty)"])
            default: logger.info("m", metadata: [nasty: "v"])
            }
        }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.unicodeScalars.allSatisfy { ![0x2028, 0x2029].contains($0.value) && $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        let object = try object(line)
        let metadata = object["metadata"] as? [String: String]
        let found = [object["message"] as? String, metadata?["k"], metadata?.keys.first]
        #expect(found.contains(nasty))
    }

    @Test("replaces invalid UTF-8 and cuts endless strings at a character")
    func invalidAndLong() throws {
        let invalid = String(decoding: [0x61, 0xC2, 0xFF, 0x62], as: UTF8.self)
        let long = "a" + String(repeating: "é", count: 20_000)
        let lines = try lines { logger in
            logger.info("\(invalid)")
            logger.info("\(long)")
        }
        #expect(try object(lines[0])["message"] as? String == "a\u{FFFD}\u{FFFD}b")
        let message = try #require(try object(lines[1])["message"] as? String)
        #expect(message == "a" + String(repeating: "é", count: 8_191) + "...")
    }

    @Test("hides e-mail addresses wherever they stand")
    func addresses() throws {
        let lines = try lines { $0.info("mail to alice@example.com failed", metadata: ["to": "bob@example.com"]) }
        #expect(try object(lines[0])["message"] as? String == "mail to a***@example.com failed")
        #expect(lines[0].contains("b***@example.com"))
    }

    @Test("writes warnings at once, and the rest when the buffer is full or flushed")
    func flushing() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        let writer = LogWriter(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        let logger = Logger(label: "t") { JSONLogHandler(label: $0, writer: writer) }
        var buffer = [UInt8](repeating: 0, count: 100_000)
        logger.info("waits")
        #expect(read(descriptor, &buffer, buffer.count) == -1)
        logger.warning("hurries")
        let count = read(descriptor, &buffer, buffer.count)
        #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n").count == 2)
        writer.append([UInt8](repeating: 0x61, count: 65_535))
        #expect(read(descriptor, &buffer, buffer.count) == -1)
        writer.append([0x0A])
        #expect(read(descriptor, &buffer, buffer.count) == 65_536)
        #expect(writer.droppedBytes == 0)
    }

    @Test("gives up, counts and goes on where nothing can be written")
    func closedDescriptor() {
        let writer = LogWriter(fileDescriptor: -1)
        writer.append([1, 2, 3], urgently: true)
        #expect(writer.droppedBytes == 3)
    }

    @Test("keeps every line whole when many threads log")
    func concurrency() async throws {
        let pipe = Pipe()
        let writer = LogWriter(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let logger = Logger(label: "t\(task)") { JSONLogHandler(label: $0, writer: writer) }
                    for index in 0..<50 { logger.info("line", metadata: ["n": "\(index)"]) }
                }
            }
        }
        writer.flush()
        try pipe.fileHandleForWriting.close()
        let data = try #require(try pipe.fileHandleForReading.readToEnd())
        let lines = data.split(separator: 0x0A)
        #expect(lines.count == 400)
        for line in lines { #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line)) } }
    }

    @Test(
        "writes the time as ISO 8601 with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (Int64.max, "9999-12-31T23:59:59.999Z"),
            (Int64.min, "0000-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func time(milliseconds: Int64, text: String) {
        #expect(LogTime.text(milliseconds: milliseconds) == text)
    }
}
