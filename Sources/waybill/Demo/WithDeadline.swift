/// What took longer than it may.
struct DeadlinePassed: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "nothing more happened within \(limit)" }
}

/// Runs a closure and cancels it when its time is over.
func withDeadline<T: Sendable>(_ limit: Duration, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw DeadlinePassed(limit: limit) }
        return value
    }
}
