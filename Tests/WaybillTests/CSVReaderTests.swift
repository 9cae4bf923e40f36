import Testing

@testable import waybill

@Suite("CSV reader")
struct CSVReaderTests {
    /// Reads everything, with pieces of every small size, which must make no difference.
    private func records(_ text: String) throws -> [[String]] {
        var results: [[[String]]] = []
        for step in [1, 2, 3, 7, Int.max] {
            var reader = CSVReader(ByteArraySource(text, step: step))
            var records: [[String]] = []
            while try reader.advance() { records.append(try reader.texts()) }
            results.append(records)
        }
        #expect(results.allSatisfy { $0 == results[0] })
        return results[0]
    }

    @Test(
        "Valid text becomes records",
        arguments: [
            ("", []),
            ("a", [["a"]]),
            ("a,b\n", [["a", "b"]]),
            ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
            ("a,b\nc,d", [["a", "b"], ["c", "d"]]),
            (",\n", [["", ""]]),
            ("a,", [["a", ""]]),
            ("\u{FEFF}a,b\n", [["a", "b"]]),
            ("\u{FEFF}", []),
            ("\u{FEFF}\"a\"", [["a"]]),
            ("a\n\n\r\nb\n", [["a"], ["b"]]),
            ("\"\"\n", [[""]]),
            ("\"\"", [[""]]),
            ("\"a,b\",c\n", [["a,b", "c"]]),
            ("\"a\nb\",\"c\r\nd\"\n", [["a\nb", "c\r\nd"]]),
            ("\"say \"\"hi\"\"\",x\r\n", [["say \"hi\"", "x"]]),
            ("\"\"\"\"\n", [["\""]]),
            ("£5,é\n", [["£5", "é"]]),
            (" a , b \n", [[" a ", " b "]]),
        ] as [(String, [[String]])])
    func valid(text: String, expected: [[String]]) throws {
        #expect(try records(text) == expected)
    }

    @Test(
        "Malformed text is refused with its line",
        arguments: [
            ("a\n\"b\nc", CSVError.unclosedQuote(line: 2)),
            ("a\nb\"c\n", .quoteInUnquotedField(line: 2)),
            ("\"x\ny\"z,\n", .textAfterQuote(line: 2)),
            ("a\rb", .bareCarriageReturn(line: 1)),
        ] as [(String, CSVError)])
    func malformed(text: String, error: CSVError) {
        #expect(throws: error) { try records(text) }
    }

    @Test("Bytes that are no UTF-8 are refused")
    func invalidUTF8() throws {
        struct Source: ByteSource {
            var bytes: [UInt8] = [0x61, 0x0A, 0xFF, 0x0A]
            mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
                defer { bytes = [] }
                buffer.copyBytes(from: bytes)
                return bytes.count
            }
        }
        var reader = CSVReader(Source())
        #expect(try reader.advance())
        #expect(try reader.text(0) == "a")
        #expect(try reader.advance())
        #expect(throws: CSVError.invalidUTF8(line: 2)) { try reader.text(0) }
    }

    @Test("The line of a record is that of its first byte")
    func lines() throws {
        var reader = CSVReader(ByteArraySource("a\n\"b\nb\"\n\nc\n"))
        var lines: [Int] = []
        while try reader.advance() { lines.append(reader.recordLine) }
        #expect(lines == [1, 2, 5])
    }

    @Test("A record without an end does not fill the memory")
    func tooLong() {
        let error = CSVError.recordTooLong(line: 1, limitBytes: 100)
        #expect(throws: error) {
            var reader = CSVReader(ByteArraySource("\"" + String(repeating: "x\n", count: 500)), maximumRecordBytes: 100)
            _ = try reader.advance()
        }
        #expect(throws: error) {
            var reader = CSVReader(ByteArraySource(String(repeating: "x", count: 500)), maximumRecordBytes: 100)
            _ = try reader.advance()
        }
    }
}
