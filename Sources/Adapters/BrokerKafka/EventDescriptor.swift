import CKafka
import Glibc
import Messaging

/// Wakes a thread: by other threads, and by librdkafka when something comes into one of its queues. What happens while the thread does not wait is kept.
///
/// Waiting goes by the monotonic clock: a wall clock that is set back must not let a member miss its heartbeat.
final class EventDescriptor: Sendable {
    /// What to write into the descriptor to wake the thread: a 64-bit 1.
    static let one: [UInt8] = withUnsafeBytes(of: UInt64(1)) { Array($0) }
    let descriptor: Int32

    init() throws {
        descriptor = waybill_event_descriptor()
        if descriptor < 0 { throw BrokerError.unavailable("no file descriptor is left: errno \(errno)") }
    }

    deinit { Glibc.close(descriptor) }

    /// Wakes the thread that waits, or the next wait.
    func give() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Waits until the descriptor is given, at the longest for so many milliseconds, and takes what was given.
    func wait(milliseconds: Int32) {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, max(0, milliseconds)) > 0 else { return }
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
