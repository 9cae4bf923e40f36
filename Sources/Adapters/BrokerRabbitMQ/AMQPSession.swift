import Logging
import Messaging

/// A connection that is made when it is needed, and made anew after it broke. Confined to one thread, but for ``lifeline``.
final class AMQPSession {
    let configuration: RabbitMQConfiguration
    let lifeline: Lifeline
    private let purpose: String
    private let logger: Logger
    private let onBlocked: (String?) -> Void
    private(set) var connection: AMQPConnection?
    /// Counts the connections, so that others notice that what they had prepared on one is gone.
    private(set) var epoch = 0
    /// Why the broker reads nothing from this connection; nil when it does.
    private(set) var blocked: String?
    /// Channels that the broker has closed.
    private var closedChannels: Set<UInt16> = []
    /// Which node is tried next.
    private var next = Int.random(in: 0..<1000)

    /// - Parameter onBlocked: told why the broker accepts nothing, and nil when it does again.
    init(
        _ configuration: RabbitMQConfiguration, purpose: String, lifeline: Lifeline, logger: Logger, onBlocked: @escaping (String?) -> Void = { _ in }
    ) {
        (self.configuration, self.purpose, self.lifeline, self.logger, self.onBlocked) = (configuration, purpose, lifeline, logger, onBlocked)
    }

    /// The connection; makes one when there is none, on the first node that answers.
    /// - Throws: ``AMQPFault`` or ``BrokerError`` of the last node that was tried.
    func connected() throws -> AMQPConnection {
        if let connection { return connection }
        var failure: any Error = AMQPFault.lost("no node is configured")
        for _ in configuration.endpoints {
            if lifeline.isCut { throw AMQPFault.lost("the broker was closed") }
            let endpoint = configuration.endpoints[next % configuration.endpoints.count]
            do {
                let made = try AMQPConnection(configuration, to: endpoint, purpose: purpose, lifeline: lifeline)
                connection = made
                epoch += 1
                (blocked, closedChannels) = (nil, [])
                logger.debug("connected to RabbitMQ", metadata: ["node": "\(endpoint)", "version": "\(made.server.version)", "purpose": "\(purpose)"])
                return made
            } catch {
                failure = error
                next += 1
            }
        }
        throw failure
    }

    /// Gives up the connection, which is broken or no longer needed.
    func drop() {
        connection = nil
        blocked = nil
    }

    /// Says goodbye and gives up the connection.
    func close() {
        if !lifeline.isCut { connection?.close() }
        drop()
    }

    /// Notes what concerns the connection and its channels; nothing else.
    func note(_ event: AMQPEvent) {
        switch event {
        case .blocked(let reason):
            blocked = reason
            onBlocked(reason)
            logger.warning("RabbitMQ accepts nothing at the moment", metadata: ["reason": "\(reason)"])
        case .unblocked:
            logger.notice("RabbitMQ accepts messages again")
            noteAcceptance()
        case .channelClosed(let fault, let channel):
            closedChannels.insert(channel)
            logger.debug("RabbitMQ has closed a channel", metadata: ["reason": "\(fault)"])
        default: break
        }
    }

    /// Notes that the broker has accepted something.
    func noteAcceptance() {
        blocked = nil
        onBlocked(nil)
    }

    /// Whether the broker has closed a channel since this was last asked.
    func wasClosed(_ channel: UInt16) -> Bool { closedChannels.remove(channel) != nil }
}
