import CRabbitMQ
import Messaging

/// What can go wrong between this process and the broker, with AMQP's own words.
enum AMQPFault: Error, Equatable {
    /// The connection cannot be made, or is gone.
    case lost(String)
    /// The broker closed the connection and said why.
    case connectionClosed(code: Int, text: String)
    /// The broker closed one channel and said why; the connection goes on.
    case channelClosed(channel: UInt16, code: Int, text: String)

    /// The fault of a status of the C library.
    static func status(_ status: Int32, _ context: String) -> AMQPFault {
        let text = amqp_error_string2(status).map { String(cString: $0) } ?? "status \(status)"
        return .lost("\(context): \(text)")
    }

    /// AMQP 0-9-1's reply codes that decide what is done.
    enum Code {
        static let contentTooLarge = 311
        static let accessRefused = 403
        static let notFound = 404
        static let preconditionFailed = 406
        static let notAllowed = 530
    }

    /// Whether the connection goes on.
    var isOfChannel: Bool { if case .channelClosed = self { true } else { false } }

    /// What the broker did not find, where that is the fault.
    var isNotFound: Bool { if case .channelClosed(_, Code.notFound, _) = self { true } else { false } }

    /// Whether a queue or an exchange exists with other arguments than were asked for.
    var isOfArguments: Bool { if case .channelClosed(_, Code.preconditionFailed, _) = self { true } else { false } }

    /// The fault in the words of the port. A broker that shuts down or is overloaded is not available; one that refuses a name, a password or a queue's arguments
    /// would refuse them again.
    var brokerError: BrokerError {
        switch self {
        case .lost(let text): .unavailable(text)
        case .connectionClosed(let code, let text) where code == Code.accessRefused: .misconfigured("the broker refuses the login: \(text)")
        // A virtual host that is down is as unknown as one that does not exist, but it comes back.
        case .connectionClosed(let code, let text) where code == Code.notAllowed && !text.contains(" is down"): .misconfigured(text)
        case .connectionClosed(let code, let text): .unavailable("\(text) (\(code))")
        case .channelClosed(_, let code, let text) where (Code.accessRefused...Code.preconditionFailed).contains(code): .misconfigured(text)
        case .channelClosed(_, let code, let text): .unavailable("\(text) (\(code))")
        }
    }
}

/// The port's error of whatever was thrown.
func brokerError(_ error: any Error) -> BrokerError {
    (error as? BrokerError) ?? (error as? AMQPFault)?.brokerError ?? .unavailable("\(error)")
}
