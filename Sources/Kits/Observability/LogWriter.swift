import Glibc
import Synchronization

/// Collects log lines of all threads and writes them to one file descriptor, many lines per system call.
///
/// Lines wait in memory until 64 KiB are full, a record of level warning or above arrives, or ``flush()`` is called. A quiet process would
/// otherwise keep its last lines to itself: whoever owns the writer calls ``flush()`` every 100 ms or so (the platform does, in a service
/// of its group) and once more before it exits.
///
/// There are two locks so that a thread that only adds a line never waits for a slow reader of the log. When the buffer is full, those who
/// log do wait: that bounds the memory.
public final class LogWriter: Sendable {
    /// The writer of the process: file descriptor 2.
    public static let standardError = LogWriter(fileDescriptor: 2)

    private static let capacityBytes = 65_536
    private static let patienceMilliseconds: Int32 = 1_000

    private struct Output {
        let fileDescriptor: Int32
        /// A write was given up in the middle of a line; the next one starts on a new line.
        var isTorn = false
    }

    private let pending: Mutex<[UInt8]>
    private let output: Mutex<Output>
    private let dropped = Atomic<Int>(0)

    /// - Parameter fileDescriptor: An open descriptor, which stays the caller's: it is never closed here.
    public init(fileDescriptor: Int32) {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(Self.capacityBytes)
        pending = Mutex(buffer)
        output = Mutex(Output(fileDescriptor: fileDescriptor))
    }

    /// How many bytes were given up because the descriptor was closed, failed, or took nothing for a second. Logging never stops the
    /// process and never throws; this is how one learns of it.
    public var droppedBytes: Int { dropped.load(ordering: .relaxed) }

    /// Adds one line.
    ///
    /// - Parameters:
    ///   - line: The bytes, with their newline.
    ///   - urgently: Write at once, together with everything that waits.
    public func append(_ line: [UInt8], urgently: Bool = false) {
        let size = pending.withLock { buffer in
            buffer.append(contentsOf: line)
            return buffer.count
        }
        if urgently || size >= Self.capacityBytes { flush() }
    }

    /// Writes everything that waits. Returns when it is written (or given up), in the order in which it was added.
    public func flush() {
        output.withLock { output in
            let bytes = pending.withLock { buffer in
                guard !buffer.isEmpty else { return [UInt8]() }
                var taken: [UInt8] = []
                taken.reserveCapacity(Self.capacityBytes)
                swap(&taken, &buffer)
                return taken
            }
            guard !bytes.isEmpty else { return }
            if output.isTorn, Self.write([UInt8(ascii: "\n")], to: output.fileDescriptor) == 1 { output.isTorn = false }
            let written = Self.write(bytes, to: output.fileDescriptor)
            guard written < bytes.count else { return }
            dropped.wrappingAdd(bytes.count - written, ordering: .relaxed)
            if written > 0 { output.isTorn = bytes[written - 1] != UInt8(ascii: "\n") }
        }
    }

    /// Returns how many bytes were written: all of them, unless the descriptor fails or stays full.
    private static func write(_ bytes: [UInt8], to fileDescriptor: Int32) -> Int {
        bytes.withUnsafeBytes { raw in
            var done = 0
            while done < raw.count {
                let count = Glibc.write(fileDescriptor, UnsafeRawBufferPointer(rebasing: raw[done...]).baseAddress, raw.count - done)
                if count > 0 {
                    done += count
                } else if count < 0, errno == EINTR {
                    continue
                } else if count < 0, errno == EAGAIN, waitUntilWritable(fileDescriptor) {
                    continue
                } else {
                    break
                }
            }
            return done
        }
    }

    /// A terminal or pipe that somebody made non-blocking answers EAGAIN when it is full.
    private static func waitUntilWritable(_ fileDescriptor: Int32) -> Bool {
        var request = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, patienceMilliseconds) > 0 && request.revents & Int16(POLLOUT) != 0
    }
}
