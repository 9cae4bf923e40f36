import Glibc

/// Lets one thread wait for a signal, or for a moment of the monotonic clock.
///
/// A `DispatchSemaphore` waits until a moment of the wall clock on Linux: were that set back by an hour meanwhile, the writer would stand still for an hour.
package final class WakeSignal: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Guarded by ``mutex``.
    private var isGiven = false

    package init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Wakes the thread that waits, or the next one that would.
    package func give() {
        pthread_mutex_lock(mutex)
        isGiven = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits for a signal, at the longest until `uptime`, and takes it.
    /// - Parameter uptime: nanoseconds of the monotonic clock.
    package func wait(until uptime: UInt64) {
        var deadline = timespec(tv_sec: Int(uptime / 1_000_000_000), tv_nsec: Int(uptime % 1_000_000_000))
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isGiven { if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break } }
        isGiven = false
    }
}
