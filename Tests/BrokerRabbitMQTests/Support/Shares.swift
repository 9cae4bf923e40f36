import Messaging
import Synchronization
import Wire

/// Which partitions each of several members reads, and whether what they read is in order. Bodies are numbers that rise per key.
final class Shares: Sendable {
    private struct Seen {
        var partitions: [String: Set<String>] = [:]
        /// The highest number of each key so far, by whichever member.
        var highest: [Identifier: Int] = [:]
        var isInOrder = true
    }
    private let seen = Mutex(Seen())

    /// Reads and acknowledges until the subscription is closed.
    func read(_ member: any BrokerSubscription, _ name: String) async throws {
        while let deliveries = try await member.next(limit: 100) {
            seen.withLock { seen in
                for delivery in deliveries {
                    seen.partitions[name, default: []].insert(delivery.partition)
                    let number = Int(String(decoding: delivery.message.body, as: UTF8.self)) ?? -1
                    let highest = seen.highest[delivery.message.key] ?? -1
                    // Lower ones are repetitions; a gap would be what was overtaken.
                    if number > highest + 1 { seen.isInOrder = false }
                    seen.highest[delivery.message.key] = max(highest, number)
                }
            }
            await member.acknowledge(deliveries)
        }
    }

    /// Begins to look anew at who reads what.
    func forget() { seen.withLock { $0.partitions = [:] } }
    /// How many partitions each member has read.
    var sizes: [Int] { seen.withLock { $0.partitions.values.map(\.count) } }
    var isInOrder: Bool { seen.withLock { $0.isInOrder } }
}
