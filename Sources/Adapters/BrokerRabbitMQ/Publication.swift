import CRabbitMQ
import Messaging

/// The messages of one call, on their way.
struct Publication {
    let messages: [BrokerMessage]
    var ledger: ConfirmLedger
    private var unconfirmedBytes = 0

    init(messages: [BrokerMessage], ledger: ConfirmLedger) { (self.messages, self.ledger) = (messages, ledger) }

    /// Whether one of them was sent back or refused: nothing is sent any more, because all has to be published again.
    private var hasFailed: Bool { !ledger.returned.isEmpty || ledger.refused > 0 }
    var isComplete: Bool { ledger.unsettled == 0 && (hasFailed || ledger.sent == messages.count) }

    /// The next message to send, which is counted as sent; nil when there is none, or no room for it.
    mutating func next(_ configuration: RabbitMQConfiguration) -> Int? {
        let index = ledger.sent
        guard index < messages.count, !hasFailed, ledger.unsettled < configuration.maximumUnconfirmed else { return nil }
        let bytes = messages[index].body.count
        // One message always has room, however large it is.
        guard ledger.unsettled == 0 || unconfirmedBytes + bytes <= configuration.maximumUnconfirmedBytes else { return nil }
        unconfirmedBytes += bytes
        return index
    }

    /// Notes a confirmation.
    mutating func settle(tag: UInt64, isMultiple: Bool, isAccepted: Bool) {
        for index in ledger.settle(tag: tag, isMultiple: isMultiple, isAccepted: isAccepted) { unconfirmedBytes -= messages[index].body.count }
    }

    /// Notes a message that came back, by what tells it from the others on their way.
    mutating func sendBack(_ arrived: ArrivedMessage, exchange: String, reason: String, _ layout: QueueLayout) {
        let id = arrived.headers.first { $0.name == "id" }?.value
        let index = ledger.open.first { index in
            let message = messages[index]
            return message.key == arrived.key && message.header("id") == id && layout.exchange(message.topic) == exchange && message.body == arrived.body
        }
        ledger.sendBack(index ?? ledger.open.first ?? 0, reason: reason)
    }

    /// What the end of the channel says of the messages. A broker whose bound is lower than ours names no message: it can only be the largest of those on their way.
    func refusal(of fault: AMQPFault) -> BrokerError {
        guard case .channelClosed(_, let code, let text) = fault, code == AMQPFault.Code.contentTooLarge || text.contains("message size"),
            let index = ledger.open.max(by: { messages[$0].body.count < messages[$1].body.count })
        else { return fault.brokerError }
        return .rejected(index: index, reason: text)
    }
}
