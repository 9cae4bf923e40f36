import Foundation

/// Writers stand back behind the threads that talk to clients. On a machine that is busy all the time the scheduler gives each of a dozen threads the same share,
/// and an answer that costs microseconds would wait for milliseconds; writers have whole batches to do and lose nothing that their clients would notice.
/// Writers run on Dispatch's workers, which other tasks share: a worker that has once written keeps its lower priority. Event loops have threads of their own.
package enum WriterPriority {
    /// Steps of niceness: about a third of an ordinary thread's share when there is not enough for all.
    private static let steps: Int32 = 5

    /// `PRIO_PROCESS`, which C libraries declare with different types.
    private static let kind: Int32 = 0

    /// The niceness of the process, before any writer changed its own.
    private static let base = getpriority(WriterPriority.kind, id_t(getpid()))

    /// Lowers the calling thread's priority; calling it again changes nothing. Where a thread has no priority of its own, nothing happens.
    package static func lower() {
        #if os(Linux)
            // On Linux a priority is a thread's, and 0 means the calling one.
            _ = setpriority(kind, 0, min(19, base + steps))
        #endif
    }
}
