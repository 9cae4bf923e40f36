import CZlib

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where a reader gets its bytes from.
protocol ByteSource {
    /// Fills a buffer as far as it can. Returns the number of bytes, 0 only at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A file that is plain or compressed with gzip (RFC 1952), which zlib sees by its first bytes 1f 8b.
final class GzipFile: ByteSource {
    /// Why a file could not be read.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case cannotOpen(path: String, reason: String)
        /// The compressed data is damaged, or its end is missing.
        case damaged(path: String, reason: String)
        case cannotRead(path: String, reason: String)

        var description: String {
            switch self {
            case .cannotOpen(let path, let reason): "Cannot open \(path): \(reason)."
            case .damaged(let path, let reason): "\(path) is a damaged gzip file: \(reason)."
            case .cannotRead(let path, let reason): "Cannot read \(path): \(reason)."
            }
        }
    }

    private let path: String
    private let file: gzFile

    /// Opens a file for reading.
    ///
    /// - Throws: ``Failure/cannotOpen(path:reason:)``.
    init(path: String) throws(Failure) {
        errno = 0
        guard let file = gzopen(path, "rb") else {
            throw .cannotOpen(path: path, reason: errno == 0 ? "out of memory" : String(cString: strerror(errno)))
        }
        // zlib's own 8 KiB would mean many small reads.
        gzbuffer(file, 128 << 10)
        self.path = path
        self.file = file
    }

    deinit { gzclose(file) }

    /// How many bytes of the file itself have been read, for progress against the file's size.
    var compressedOffset: Int { max(0, Int(gzoffset(file))) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = UInt32(min(buffer.count, 1 << 30))
        let count = gzread(file, buffer.baseAddress, wanted)
        if count > 0 { return Int(count) }
        var code: Int32 = 0
        let words = gzerror(file, &code).map { String(cString: $0) } ?? ""
        switch code {
        // A file without its end gives all that can be decompressed, and only here says that more was to come.
        case Z_BUF_ERROR: throw Failure.damaged(path: path, reason: "its end is missing")
        case Z_OK, Z_STREAM_END: return 0
        case Z_ERRNO: throw Failure.cannotRead(path: path, reason: String(cString: strerror(errno)))
        // zlib puts the path before its words.
        default: throw Failure.damaged(path: path, reason: words.hasPrefix(path + ": ") ? String(words.dropFirst(path.count + 2)) : words)
        }
    }
}

/// Bytes in memory, for tests.
struct ByteArraySource: ByteSource {
    private var bytes: ArraySlice<UInt8>
    private let step: Int

    /// - Parameter step: the most that one read gives; small values test the seams.
    init(_ text: String, step: Int = .max) {
        self.bytes = Array(text.utf8)[...]
        self.step = step
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = bytes.prefix(min(step, buffer.count))
        buffer.copyBytes(from: part)
        bytes = bytes.dropFirst(part.count)
        return part.count
    }
}
