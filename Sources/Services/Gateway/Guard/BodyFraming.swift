/// Follows a body to its end, byte for byte, so that it is known where the next request begins (RFC 9112, 7.1).
///
/// Chunk sizes are plain hexadecimal digits, extensions are short, every line ends with CR LF. Trailers are read and left out: nothing here uses them, and a
/// reader behind could take one for a header.
struct BodyFraming {
    private enum State: Equatable {
        case data(Int)
        /// The digits of a chunk's size.
        case size(Int, digits: Int)
        case lineFeed(after: Int)
        case extensions(Int)
        case chunk(Int)
        case chunkReturn, chunkFeed
        /// The beginning of a line after the last chunk.
        case trailer
        case trailerName, trailerValue, trailerFeed
        case lastFeed
        case done
    }

    /// What some bytes are.
    struct Step: Equatable {
        /// How many of them belong to this body.
        let count: Int
        /// How many of these, from the first one on, the parser is to see.
        let visible: Int
        /// Whether the parser is to see an empty line after them: the end of a chunked body.
        let endsChunks: Bool
    }

    /// The most digits of a chunk's size: 16 MiB are more than any body may have.
    private static let digits = 6
    /// The most bytes of all extensions and of all trailers of a body.
    private static let extras = 4096

    private var state: State
    private var extras = 0

    init(_ body: RequestHead.Body) {
        switch body {
        case .length(let length): state = length == 0 ? .done : .data(length)
        case .chunked: state = .size(0, digits: 0)
        }
    }

    var isDone: Bool { state == .done }

    /// Takes bytes until the body's end, or all of them.
    /// - Throws: ``MessageFault/chunk``.
    mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>) throws(MessageFault) -> Step {
        var index = 0
        var visible = 0
        while index < bytes.count, state != .done {
            let isTrailing = isTrailer
            switch state {
            case .data(let left):
                let count = min(left, bytes.count - index)
                state = left == count ? .done : .data(left - count)
                index += count
                visible = index
                if isDone { return Step(count: index, visible: visible, endsChunks: false) }
            case .chunk(let left):
                let count = min(left, bytes.count - index)
                state = left == count ? .chunkReturn : .chunk(left - count)
                index += count
            default:
                try take(bytes[index])
                index += 1
            }
            if !isTrailing, !isDone { visible = index }
        }
        return Step(count: index, visible: visible, endsChunks: isDone && index > 0)
    }

    private var isTrailer: Bool {
        switch state {
        case .trailer, .trailerName, .trailerValue, .trailerFeed, .lastFeed: true
        default: false
        }
    }

    private mutating func take(_ byte: UInt8) throws(MessageFault) {
        switch (state, byte) {
        case (.size(let size, let digits), _) where BodyFraming.hex(byte) != nil && digits < BodyFraming.digits:
            state = .size(size << 4 | Int(BodyFraming.hex(byte) ?? 0), digits: digits + 1)
        case (.size(let size, let digits), 13) where digits > 0: state = .lineFeed(after: size)
        case (.size(let size, let digits), UInt8(ascii: ";")) where digits > 0: state = .extensions(size)
        case (.extensions(let size), 13): state = .lineFeed(after: size)
        case (.extensions, 32...126), (.extensions, 9): try count()
        case (.lineFeed(let size), 10): state = size == 0 ? .trailer : .chunk(size)
        case (.chunkReturn, 13): state = .chunkFeed
        case (.chunkFeed, 10): state = .size(0, digits: 0)
        case (.trailer, 13): state = .lastFeed
        case (.lastFeed, 10): state = .done
        case (.trailer, _) where RequestFields.isToken(byte), (.trailerName, _) where RequestFields.isToken(byte):
            state = .trailerName
            try count()
        case (.trailerName, UInt8(ascii: ":")): state = .trailerValue
        case (.trailerValue, 13): state = .trailerFeed
        case (.trailerValue, 32...126), (.trailerValue, 128...255), (.trailerValue, 9): try count()
        case (.trailerFeed, 10): state = .trailer
        default: throw .chunk
        }
    }

    private mutating func count() throws(MessageFault) {
        extras += 1
        if extras > BodyFraming.extras { throw .chunk }
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
