import Synchronization

/// Numbers from 0, each given out once, to whichever task asks first.
final class Tickets: Sendable {
    private let taken = Atomic<Int>(0)

    func next() -> Int { taken.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// Runs a closure for each item, `width` at a time, and returns the results in the order of the items. The first error ends the rest.
func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    let tickets = Tickets()
    return try await withThrowingTaskGroup(of: [(Int, Result)].self) { group in
        for _ in 0..<min(max(1, width), items.count) {
            group.addTask {
                var results: [(Int, Result)] = []
                while case let index = tickets.next(), index < items.count { results.append((index, try await body(items[index]))) }
                return results
            }
        }
        var all: [(Int, Result)] = []
        all.reserveCapacity(items.count)
        for try await results in group { all += results }
        return all.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
