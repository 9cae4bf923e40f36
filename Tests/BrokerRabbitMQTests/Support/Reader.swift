import Messaging
import Synchronization
import Wire

/// Takes and acknowledges everything that a member gets, until the subscription ends. Bodies begin with a number.
final class Reader: Sendable {
    private struct Seen {
        var numbers: [Identifier: [Int]] = [:]
        var losses = 0
    }
    private let seen = Mutex(Seen())

    /// Reads until the subscription is closed; a connection that is lost is waited for.
    func read(_ member: any BrokerSubscription) async throws {
        while true {
            do {
                guard let deliveries = try await member.next(limit: 50) else { return }
                seen.withLock { seen in
                    for delivery in deliveries {
                        let number = Int(String(decoding: delivery.message.body.prefix { $0 != 32 }, as: UTF8.self))
                        seen.numbers[delivery.message.key, default: []].append(number ?? -1)
                    }
                }
                await member.acknowledge(deliveries)
            } catch BrokerError.unavailable { seen.withLock { $0.losses += 1 } }
        }
    }

    /// How many different messages have come.
    var distinct: Int { seen.withLock { $0.numbers.values.reduce(0) { $0 + Set($1).count } } }
    /// How often the member was told that its connection was lost.
    var losses: Int { seen.withLock { $0.losses } }
    /// The numbers of each key in the order in which they came for the first time.
    var firstTimes: [[Int]] {
        seen.withLock { seen in
            seen.numbers.values.map { numbers in
                var known: Set<Int> = []
                return numbers.filter { known.insert($0).inserted }
            }
        }
    }
}
