import Messaging
import Synchronization

/// How far groups of consumers are behind, as the broker tells: what a process cannot see of the work that it sets in motion elsewhere.
final class BrokerLags: Sendable {
    private let broker: any EventBroker
    private let groups: [String]
    private let lags = Mutex<[String: Int]>([:])

    /// - Parameter groups: those that are asked for, one after the other.
    init(_ broker: any EventBroker, groups: [String]) { (self.broker, self.groups) = (broker, groups) }

    /// Asks the broker; whoever can tell is alive.
    /// - Throws: ``BrokerError``.
    func look() async throws {
        for group in groups {
            let lag = try await broker.lag(of: group)
            lags.withLock { $0[group] = lag }
        }
    }

    /// The lag of a group when it was last asked for; nil where the broker cannot tell.
    func lag(of group: String) -> Int? { lags.withLock { $0[group] } }
}
