import Foundation

/// The thread that passwords are computed on: Swift's own threads are as many as there are processors, and a few sign-ins would stop everything else on them.
final class PasswordWorker: @unchecked Sendable {
    /// Lives as long as the process, from the first password on.
    static let shared = PasswordWorker(capacity: 32)

    private let condition = NSCondition()
    /// Guarded by the condition's lock, as all below.
    private var jobs: [@Sendable () -> Void] = []
    private var isStopped = false
    private let capacity: Int

    /// - Parameter capacity: how many may wait.
    init(capacity: Int) {
        self.capacity = capacity
        let thread = Thread { [self] in work() }
        thread.name = "waybill.passwords"
        thread.start()
    }

    /// Computes on the thread, after all who came before.
    /// - Throws: ``Passwords/Refusal/busy`` at once when too many wait.
    func run<T: Sendable>(_ body: @escaping @Sendable () -> T) async throws(Passwords.Refusal) -> T {
        let result: T? = await withCheckedContinuation { continuation in
            if !enqueue({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
        }
        guard let result else { throw .busy }
        return result
    }

    /// How many wait.
    var waiting: Int { condition.withLock { jobs.count } }

    /// Ends the thread after what waits. Later requests are refused.
    func stop() {
        condition.withLock { isStopped = true }
        condition.broadcast()
    }

    private func enqueue(_ job: @escaping @Sendable () -> Void) -> Bool {
        condition.withLock {
            guard jobs.count < capacity, !isStopped else { return false }
            jobs.append(job)
            condition.signal()
            return true
        }
    }

    private func work() {
        while let job = next() { job() }
    }

    private func next() -> (@Sendable () -> Void)? {
        condition.withLock {
            while jobs.isEmpty {
                if isStopped { return nil }
                condition.wait()
            }
            return jobs.removeFirst()
        }
    }
}
