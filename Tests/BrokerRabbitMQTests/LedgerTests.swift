import Messaging
import Testing
import Wire

@testable import BrokerRabbitMQ

@Suite("What the broker has confirmed")
struct ConfirmLedgerTests {
    private func ledger(_ count: Int, firstTag: UInt64 = 1) -> ConfirmLedger {
        var ledger = ConfirmLedger(firstTag: firstTag)
        for _ in 0..<count { ledger.send() }
        return ledger
    }

    @Test("is counted one by one and in bulk, in any order and once")
    func settling() {
        var ledger = ledger(6)
        #expect(ledger.settle(tag: 3, isMultiple: false, isAccepted: true) == [2])
        #expect(ledger.settle(tag: 3, isMultiple: false, isAccepted: true) == [])
        #expect(ledger.settle(tag: 4, isMultiple: true, isAccepted: true) == [0, 1, 3])
        #expect(ledger.unsettled == 2)
        #expect(ledger.open == [4, 5])
        #expect(ledger.settle(tag: 2, isMultiple: true, isAccepted: true) == [])
        #expect(ledger.settle(tag: 6, isMultiple: true, isAccepted: false) == [4, 5])
        #expect(ledger.unsettled == 0)
        #expect(ledger.refused == 2)
    }

    @Test("has nothing to do with other publications on the channel")
    func otherTags() {
        var ledger = ledger(3, firstTag: 101)
        #expect(ledger.nextTag == 104)
        for tag: UInt64 in [0, 1, 100, 104, 5000, .max] {
            for isMultiple in [false, true] { #expect(ledger.settle(tag: tag, isMultiple: isMultiple, isAccepted: true) == []) }
        }
        #expect(ledger.settle(tag: 103, isMultiple: true, isAccepted: true) == [0, 1, 2])
    }

    @Test("leaves a publication open until everything that was sent is settled, also when one came back")
    func publication() throws {
        let configuration = try RabbitMQConfiguration(url: "amqp://host")
        let layout = QueueLayout(configuration)
        let messages = (0..<4).map { index in
            BrokerMessage(topic: "orders", key: Identifier(high: 1, low: UInt64(index)), headers: [.init("id", "\(index)")], body: [UInt8(index)])
        }
        var publication = Publication(messages: messages, ledger: ConfirmLedger(firstTag: 1))
        for _ in 0..<3 {
            #expect(publication.next(configuration) != nil)
            publication.ledger.send()
        }
        publication.sendBack(
            ArrivedMessage(key: messages[1].key, headers: messages[1].headers, body: [1]), exchange: "waybill.orders", reason: "NO_ROUTE", layout)
        #expect(publication.next(configuration) == nil, "after a failure nothing more is sent")
        #expect(!publication.isComplete)
        publication.settle(tag: 3, isMultiple: true, isAccepted: true)
        #expect(publication.isComplete)
        #expect(publication.ledger.returned.map(\.index) == [1])
    }

    @Test("bounds what is on its way by number and by size, and lets one large message pass")
    func bounds() throws {
        var configuration = try RabbitMQConfiguration(url: "amqp://host")
        (configuration.maximumUnconfirmed, configuration.maximumUnconfirmedBytes) = (3, 10)
        func sent(_ sizes: [Int]) -> Int {
            let messages = sizes.map { BrokerMessage(topic: "t", key: Identifier(high: 0, low: 0), headers: [], body: [UInt8](repeating: 0, count: $0)) }
            var publication = Publication(messages: messages, ledger: ConfirmLedger(firstTag: 1))
            while publication.next(configuration) != nil { publication.ledger.send() }
            return publication.ledger.sent
        }
        #expect(sent([1, 1, 1, 1, 1]) == 3)
        #expect(sent([6, 4, 1]) == 2)
        #expect(sent([500, 1]) == 1)
        #expect(sent([]) == 0)
    }
}

@Suite("What a member has acknowledged")
struct AckLedgerTests {
    @Test("is told to the broker as far as there is no gap")
    func gaps() {
        var ledger = AckLedger()
        for tag: UInt64 in 1...10 { ledger.deliver(tag) }
        #expect(ledger.acknowledge([2, 3]) == nil)
        #expect(ledger.outstanding == 10)
        #expect(ledger.acknowledge([1]) == 3)
        #expect(ledger.acknowledge([1, 2, 3]) == nil, "twice is once")
        #expect(ledger.acknowledge([6, 5, 4, 8]) == 6)
        #expect(ledger.acknowledge([7, 9, 10]) == 10)
        #expect(ledger.outstanding == 0)
    }

    @Test("is nothing that was never delivered")
    func unknown() {
        var ledger = AckLedger()
        #expect(ledger.outstanding == 0)
        #expect(ledger.acknowledge([0, 1, 2, .max]) == nil)
        ledger.deliver(1)
        #expect(ledger.acknowledge([2]) == nil)
        #expect(ledger.acknowledge([1]) == 1)
        ledger.deliver(2)
        #expect(ledger.outstanding == 1)
    }
}
