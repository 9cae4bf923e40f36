import CRabbitMQ
import Glibc
import Messaging
import Synchronization

/// Lets a thread that owns a connection wait for its socket and for other threads at once, without looking at either of them again and again.
final class WakeEvent: Sendable {
    private let descriptor: Int32
    /// Whether the thread was told already: those who come meanwhile need not tell it again.
    private let isSignalled = Atomic<Bool>(false)

    /// - Throws: ``BrokerError/unavailable(_:)`` when the process has no file descriptor left.
    init() throws {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw BrokerError.unavailable("no file descriptor is left") }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Wakes the thread that waits, or the next one that would.
    func signal() {
        guard !isSignalled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        _ = Glibc.write(descriptor, &one, 8)
    }

    /// Waits until the socket can be read, a signal was given (which it takes), or the time is over.
    /// - Parameter socket: the connection's socket; nil where there is none.
    func wait(socket: Int32?, atMost duration: Duration) {
        var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        if let socket { descriptors.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
        // Rounded up: a wait that ends just before its time would be begun again at once.
        _ = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: duration.milliseconds + 1))
        guard descriptors[0].revents != 0 else { return }
        var count: UInt64 = 0
        _ = Glibc.read(descriptor, &count, 8)
        isSignalled.store(false, ordering: .releasing)
    }

    /// Waits for a socket alone: by a lifeline it can still be ended by others.
    static func wait(socket: Int32, atMost duration: Duration) {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(clamping: duration.milliseconds + 1))
    }
}

extension Duration {
    /// Whole milliseconds, not less than none.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
    /// What C's functions want as a time-out.
    var timeval: CRabbitMQ.timeval { .init(tv_sec: Int(milliseconds / 1000), tv_usec: Int(milliseconds % 1000 * 1000)) }
}
