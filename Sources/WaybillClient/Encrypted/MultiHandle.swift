import CCurl
import Synchronization

/// libcurl's handle of many transfers, with the connections that they leave behind.
///
/// Only the thread that carries the transfers uses it, but for ``wake()``: libcurl allows that from any thread as long as the handle is there.
final class MultiHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    private let isClosed = Mutex(false)

    /// libcurl is made ready once in the process.
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Nil if libcurl cannot be used.
    /// - Parameter connections: how many connections are kept for later requests.
    init?(connections: Int) {
        guard MultiHandle.isReady, let pointer = curl_multi_init() else { return nil }
        self.pointer = pointer
        _ = waybill_curl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, connections)
    }

    deinit { close() }

    /// Has ``wait(milliseconds:)`` return, or the next one.
    func wake() { isClosed.withLock { if !$0 { _ = curl_multi_wakeup(pointer) } } }

    /// Waits for the network, for libcurl's own timers, or to be woken.
    func wait(milliseconds: Int32) { _ = curl_multi_poll(pointer, nil, 0, milliseconds, nil) }

    /// Does what can be done without waiting.
    func perform() {
        var running: Int32 = 0
        _ = curl_multi_perform(pointer, &running)
    }

    /// A transfer that has come to its end, and how; nil when there is none.
    func nextDone() -> (handle: UnsafeMutableRawPointer, code: CURLcode)? {
        var code = CURLE_OK
        return waybill_curl_next_done(pointer, &code).map { ($0, code) }
    }

    /// Closes the connections. No transfer may be left. Safe to call twice.
    func close() {
        isClosed.withLock { isClosed in
            if !isClosed { _ = curl_multi_cleanup(pointer) }
            isClosed = true
        }
    }
}
