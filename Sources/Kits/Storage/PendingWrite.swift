/// A write that waits for its commit: what every adapter's writer queues.
package protocol PendingWrite: Sendable {
    /// Runs the closure inside the transaction; may be called again after a rollback.
    func perform(_ transaction: any Transaction) throws
    /// Resumes the caller with the result of the last run.
    func succeed()
    /// Resumes the caller with an error.
    func fail(_ error: any Error)
}

/// The closure, its result and the caller that waits. Touched by the writer only, one step after the other; the writer resumes each exactly once, which
/// is why the continuation need not check it.
package final class Pending<T: Sendable>: PendingWrite, @unchecked Sendable {
    private let body: @Sendable (any Transaction) throws -> T
    private let continuation: UnsafeContinuation<T, any Error>
    private var result: T?

    package init(body: @escaping @Sendable (any Transaction) throws -> T, continuation: UnsafeContinuation<T, any Error>) {
        (self.body, self.continuation) = (body, continuation)
    }

    package func perform(_ transaction: any Transaction) throws { result = try body(transaction) }
    package func succeed() {
        if let result { continuation.resume(returning: result) } else { continuation.resume(throwing: StorageError.closed) }
    }
    package func fail(_ error: any Error) { continuation.resume(throwing: error) }
}
