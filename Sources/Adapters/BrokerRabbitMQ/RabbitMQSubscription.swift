import Foundation
import Logging
import Messaging
import Synchronization

/// A member of a group on RabbitMQ. Its thread ends with ``close()``, or when nobody holds it any more.
public final class RabbitMQSubscription: BrokerSubscription {
    let group: String
    private let box = DeliveryBox()
    private let commands: MemberCommands

    /// Messages that came and were not taken yet: at most the prefetch of every partition that is read. A gauge.
    public var waitingMessages: Int { box.count }
    /// Messages that were delivered and not acknowledged. A gauge.
    public var unacknowledgedMessages: Int { max(0, commands.outstanding.load(ordering: .relaxed)) }

    /// Whether its thread has ended.
    var hasEnded: Bool { commands.hasEnded }

    init(group: String) throws {
        self.group = group
        commands = try MemberCommands()
    }

    deinit { commands.leave() }

    /// Starts the thread and returns when the member stands in line for all partitions.
    func join(_ plan: MemberPlan, _ configuration: RabbitMQConfiguration, logger: Logger, announce: @escaping @Sendable (String) -> Void) async throws {
        let (box, commands) = (self.box, self.commands)
        try await withCheckedThrowingContinuation { (joined: CheckedContinuation<Void, any Error>) in
            let thread = Thread {
                let session = AMQPSession(configuration, purpose: "\(plan.group)/\(plan.member)", lifeline: commands.lifeline, logger: logger)
                GroupMember(plan, session, box, commands, logger: logger, announce: announce).run { error in
                    if let error { joined.resume(throwing: error) } else { joined.resume() }
                }
            }
            thread.name = "amqp-\(plan.group)"
            thread.start()
        }
    }

    public func next(limit: Int) async throws -> [BrokerDelivery]? { try await box.next(limit: limit) }

    public func acknowledge(_ deliveries: [BrokerDelivery]) async { commands.acknowledge(deliveries) }

    public func rejoin() async { await commands.rejoin() }

    public func close() async { await close(abruptly: false) }

    /// - Parameter abruptly: whether the connection is cut without a word, as the end of the process would.
    func close(abruptly: Bool) async {
        box.close()
        if abruptly { commands.lifeline.cut(forGood: true) }
        commands.leave()
        await commands.hasLeft()
    }

    /// Cuts the connection once; the member comes back by itself.
    func interrupt() { commands.lifeline.cut(forGood: false) }
}
