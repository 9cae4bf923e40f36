/// Reads comma-separated values (RFC 4180) record by record, in constant memory.
///
/// Lines end with LF or CRLF; a byte order mark at the beginning is skipped, as are lines without any character. The bytes of a record stay
/// valid until the next ``advance()``.
struct CSVReader<Source: ByteSource> {
    private enum State {
        case fieldStart, unquoted, quoted, quoteInQuoted, carriageReturn
    }

    private var source: Source
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)
    private var position = 0
    private var limit = 0
    private var isAtStart = true
    private var content: [UInt8] = []
    private var ends: [Int] = []
    private var line = 1
    private var quoteLine = 1
    private let maximumRecordBytes: Int

    /// The line on which the present record begins, from 1.
    private(set) var recordLine = 1

    /// - Parameter maximumRecordBytes: a quote that is never closed would otherwise take the whole file into memory.
    init(_ source: Source, maximumRecordBytes: Int = 1 << 20) {
        self.source = source
        self.maximumRecordBytes = maximumRecordBytes
    }

    /// The number of fields of the present record.
    var count: Int { ends.count }

    /// A field as text.
    ///
    /// - Throws: ``CSVError/invalidUTF8(line:)``.
    func text(_ index: Int) throws(CSVError) -> String {
        guard let text = String(validating: bytes(index), as: UTF8.self) else { throw .invalidUTF8(line: recordLine) }
        return text
    }

    /// A field as bytes, its quotes removed.
    func bytes(_ index: Int) -> ArraySlice<UInt8> { content[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// All fields as text.
    func texts() throws(CSVError) -> [String] {
        var result: [String] = []
        for index in 0..<count { result.append(try text(index)) }
        return result
    }

    /// Moves to the next record. False at the end.
    ///
    /// - Throws: ``CSVError`` for malformed quotes; what the source throws.
    mutating func advance() throws -> Bool {
        content.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        recordLine = line
        var state = State.fieldStart
        while true {
            if position == limit, try !fill() { return try finish(state) }
            if state == .unquoted || state == .quoted { copyPlainBytes(state) }
            guard position < limit else { continue }
            let byte = buffer[position]
            position += 1
            if try step(byte, &state) { return true }
            guard content.count <= maximumRecordBytes else { throw CSVError.recordTooLong(line: recordLine, limitBytes: maximumRecordBytes) }
        }
    }

    /// Most bytes of a field have no meaning of their own and are copied together.
    private mutating func copyPlainBytes(_ state: State) {
        let (position, limit) = (self.position, self.limit)
        let room = maximumRecordBytes - content.count
        let length = buffer.withUnsafeBufferPointer { bytes in
            var end = position
            let last = min(limit, position + max(0, room))
            if state == .quoted {
                while end < last, bytes[end] != .quote, bytes[end] != .lineFeed { end += 1 }
            } else {
                while end < last, bytes[end] != .comma, bytes[end] != .quote, bytes[end] != .lineFeed, bytes[end] != .carriageReturn { end += 1 }
            }
            content.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[position..<end]))
            return end - position
        }
        self.position += length
    }

    /// Takes one byte. True when it ends a record.
    private mutating func step(_ byte: UInt8, _ state: inout State) throws(CSVError) -> Bool {
        switch (state, byte) {
        case (.fieldStart, .quote):
            quoteLine = line
            state = .quoted
        case (.fieldStart, .comma), (.unquoted, .comma), (.quoteInQuoted, .comma):
            ends.append(content.count)
            state = .fieldStart
        case (.fieldStart, .lineFeed), (.unquoted, .lineFeed), (.quoteInQuoted, .lineFeed), (.carriageReturn, .lineFeed):
            line += 1
            if ends.isEmpty, content.isEmpty, state != .quoteInQuoted {
                recordLine = line
                state = .fieldStart
                return false
            }
            ends.append(content.count)
            return true
        case (.fieldStart, .carriageReturn), (.unquoted, .carriageReturn), (.quoteInQuoted, .carriageReturn): state = .carriageReturn
        case (.carriageReturn, _): throw .bareCarriageReturn(line: line)
        case (.unquoted, .quote): throw .quoteInUnquotedField(line: line)
        case (.fieldStart, _), (.unquoted, _):
            content.append(byte)
            state = .unquoted
        case (.quoted, .quote): state = .quoteInQuoted
        case (.quoted, _):
            if byte == .lineFeed { line += 1 }
            content.append(byte)
        case (.quoteInQuoted, .quote):
            content.append(byte)
            state = .quoted
        case (.quoteInQuoted, _): throw .textAfterQuote(line: line)
        }
        return false
    }

    /// The source is at its end: a last line without a line end is a record too.
    private mutating func finish(_ state: State) throws(CSVError) -> Bool {
        switch state {
        case .quoted: throw .unclosedQuote(line: quoteLine)
        case .fieldStart where ends.isEmpty: return false
        case .carriageReturn where ends.isEmpty && content.isEmpty: return false
        case .fieldStart, .unquoted, .quoteInQuoted, .carriageReturn:
            ends.append(content.count)
            return true
        }
    }

    private mutating func fill() throws -> Bool {
        limit = 0
        position = 0
        // The byte order mark is three bytes, and a source may give fewer at a time.
        repeat {
            let begin = limit
            let count = try buffer.withUnsafeMutableBytes { try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[begin...])) }
            if count == 0 { break }
            limit += count
        } while isAtStart && limit < 3
        if isAtStart, limit >= 3, buffer[..<3].elementsEqual([0xEF, 0xBB, 0xBF]) { position = 3 }
        isAtStart = false
        // A first piece that is nothing but the mark is not the end.
        if position > 0, position == limit { return try fill() }
        return position < limit
    }
}

extension UInt8 {
    fileprivate static let comma = UInt8(ascii: ",")
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let lineFeed = UInt8(ascii: "\n")
    fileprivate static let carriageReturn = UInt8(ascii: "\r")
}
