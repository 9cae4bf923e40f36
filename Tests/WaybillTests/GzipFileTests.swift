import CZlib
import Foundation
import Testing

@testable import waybill

@Suite("Gzip file")
struct GzipFileTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(UUID().uuidString)")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url.path)
    }

    private func gzipped(_ text: String) throws -> [UInt8] {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(UUID().uuidString).gz")
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try #require(gzopen(url.path, "wb"))
        let bytes = Array(text.utf8)
        #expect(gzwrite(file, bytes, UInt32(bytes.count)) == Int32(bytes.count))
        gzclose(file)
        return Array(try Data(contentsOf: url))
    }

    private func readAll(_ path: String) throws -> String {
        let file = try GzipFile(path: path)
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1000)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
            if count == 0 { return String(decoding: result, as: UTF8.self) }
            result += buffer[..<count]
        }
    }

    private let text = (0..<2000).map { "line \($0), \($0 &* 7919)\n" }.joined()

    @Test("A plain file and a gzip file read the same")
    func bothKinds() throws {
        for (bytes, expected) in [(Array(text.utf8), text), (try gzipped(text), text), ([], "")] {
            try withFile(bytes) { path in
                let read = try readAll(path)
                #expect(read == expected)
            }
        }
    }

    @Test("A gzip file without its end is an error, not a short file")
    func truncated() throws {
        try withFile(Array(gzipped(text).dropLast(20))) { path in
            #expect(throws: GzipFile.Failure.damaged(path: path, reason: "its end is missing")) { try readAll(path) }
        }
    }

    @Test("A flipped byte is an error")
    func damaged() throws {
        var bytes = try gzipped(text)
        bytes[bytes.count - 6] ^= 0xFF
        try withFile(bytes) { path in
            #expect { try readAll(path) } throws: { "\($0)".contains("is a damaged gzip file: incorrect data check") }
        }
    }

    @Test("A file that is not there is named")
    func missing() {
        let path = "/nonexistent/orders.csv"
        #expect(throws: GzipFile.Failure.cannotOpen(path: path, reason: "No such file or directory")) { try GzipFile(path: path) }
        #expect(throws: GzipFile.Failure.cannotRead(path: "/tmp", reason: "Is a directory")) { try readAll("/tmp") }
    }
}
