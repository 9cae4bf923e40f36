import Contracts
import Wire

@testable import Inventory
@testable import Notifications
@testable import Orders
@testable import Payments

/// The services' own state machines, and their own rules of what an event means and which event is said, asked once per question and remembered: the
/// exploration asks them a million times. Nothing here decides anything by itself.
final class Services {
    /// What an event is to all who hear it. Events of the same order that nobody could tell apart are the same word.
    struct Word {
        let event: any Event
        let toOrders: OrderState.Input?
        let toInventoryCovered: ReservationState.Input?
        let toInventoryShort: ReservationState.Input?
        let toPayments: PaymentState.Input?
        let toCustomer: NotificationKind?
        var type: String { Swift.type(of: event).type }
    }

    /// What an input leads to in Orders.
    struct OrderTurn {
        let next: UInt8
        let decision: OrderState.Decision
        let said: [UInt8]
        /// Why promise S6 is broken; nil if it is kept.
        let fault: String?
    }

    /// What an input leads to in Inventory.
    struct ReservationTurn {
        let next: UInt8
        let effect: ReservationState.Effect
        let said: [UInt8]
    }

    /// What an input leads to in Payments.
    struct PaymentTurn {
        let next: UInt8
        let effect: PaymentState.Effect
        let said: [UInt8]
        let errand: Errand?
    }

    private struct OrderQuestion: Hashable { let (order, input, kind): (UInt8, OrderState.Input, OrderKind) }
    private struct ReservationQuestion: Hashable { let (state, input, cause): (UInt8, ReservationState.Input, UInt8) }
    private struct PaymentQuestion: Hashable { let (state, input, cause, kind): (UInt8, PaymentState.Input, UInt8, OrderKind) }

    private(set) var words: [Word] = []
    private var numbers: [String: UInt8] = [:]
    private(set) var orders: [OrderState] = [OrderState(status: .created, version: 0)]
    private var orderTurns: [OrderQuestion: OrderTurn] = [:]
    private var reservationTurns: [ReservationQuestion: ReservationTurn] = [:]
    private var paymentTurns: [PaymentQuestion: PaymentTurn] = [:]
    private let subscriptions: [Choreography.Participant: Set<String>] = Dictionary(
        uniqueKeysWithValues: Choreography.Participant.allCases.map { ($0, Choreography.subscriptions(of: $0) ?? []) })

    static let reservations = ReservationState.allCases
    static let payments = PaymentState.allCases

    /// The cells of the specification tables that were asked for, as `machine state input`.
    private(set) var cells: Set<String> = []

    /// The logs that are listened to, as the choreography draws them.
    let channels: [Channel]

    /// - Parameter listeners: the services that take part; what nobody of them hears is not kept in a log.
    init(_ listeners: [Choreography.Participant]) {
        channels = listeners.flatMap { producer in
            listeners.filter { listener in
                Choreography.steps.contains { $0.producer == producer && $0.reactions.contains { $0.service == listener } }
            }.map { Channel(producer: producer, listener: $0) }
        }
        precondition(channels.count <= 8, "a course has room for the positions of eight channels")
    }

    /// Whether one of the channels has something that its listener has not heard yet, or that is dead to it.
    func isUnheard(by listener: Choreography.Participant, _ course: Course) -> Bool {
        channels.indices.contains { number in
            let channel = channels[number]
            guard channel.listener == listener else { return false }
            return course.position(number) < course.log(of: channel.producer).count || course.deadLetter.map { Int($0.channel) } == number
        }
    }

    /// Whether a service hears a word.
    func hears(_ word: UInt8, _ listener: Choreography.Participant) -> Bool { subscriptions[listener]?.contains(words[Int(word)].type) ?? false }

    // MARK: Orders

    /// The event that tells of a placed order, and the order's state.
    func place(_ kind: OrderKind) -> (order: UInt8, said: [UInt8]) {
        let order = Prototype.order(kind, OrderState(status: .created, version: 1, isOffline: kind.isOffline))
        let line = OrderLine(productID: Prototype.product, sku: nil, quantity: 1, price: order.total)
        let created = OrderCreated(
            customerID: order.customerID, lines: [line], total: order.total, shippingCountry: nil, paymentMethod: order.paymentMethod, placedAt: order.placedAt)
        return (number(of: order.state), [number(of: created, kind)])
    }

    func turn(_ order: UInt8, _ input: OrderState.Input, _ kind: OrderKind) -> OrderTurn {
        let question = OrderQuestion(order: order, input: input, kind: kind)
        if let known = orderTurns[question] { return known }
        let before = orders[Int(order)]
        var after = before
        let decision = after.apply(input)
        var said: [UInt8] = []
        if case .change(let statuses) = decision {
            for (old, new) in zip([before.status] + statuses, statuses) {
                let event = Prototype.order(kind, after).event(of: StatusChange(from: old, to: new), isPaidOffline: input == .payOffline)
                said.append(number(of: event, kind))
            }
        }
        cells.insert("order \(before.status) \(input)")
        let turn = OrderTurn(next: number(of: after), decision: decision, said: said, fault: Promises.faultOfChange(before, decision, after))
        orderTurns[question] = turn
        return turn
    }

    private func number(of state: OrderState) -> UInt8 {
        // The version is checked change by change; states that differ in nothing else are the same.
        let state = OrderState(
            status: state.status, version: 1, isStockFree: state.isStockFree, isPaymentUndone: state.isPaymentUndone, isOffline: state.isOffline)
        if let number = orders.firstIndex(of: state) { return UInt8(number) }
        orders.append(state)
        return UInt8(orders.count - 1)
    }

    // MARK: Inventory

    func turn(_ reservation: UInt8, _ input: ReservationState.Input, because cause: UInt8) -> ReservationTurn {
        let question = ReservationQuestion(state: reservation, input: input, cause: cause)
        if let known = reservationTurns[question] { return known }
        let before = Services.reservations[Int(reservation)]
        var after = before
        let effect = after.apply(input)
        let line = StockReservation(productID: Prototype.product, sku: "A", quantity: 1, reservationID: Prototype.identifier)
        let shortage = StockShortage(productID: Prototype.product, sku: nil, requested: 1, available: 0)
        let event = effect.event(lines: effect == .answer ? [] : [line], shortages: [shortage], because: words[Int(cause)].event)
        cells.insert("reservation \(before) \(input)")
        let turn = ReservationTurn(next: Services.number(of: after), effect: effect, said: event.map { [number(of: $0, kinds[Int(cause)])] } ?? [])
        reservationTurns[question] = turn
        return turn
    }

    static func number(of state: ReservationState) -> UInt8 { UInt8(reservations.firstIndex(of: state) ?? 0) }

    // MARK: Payments

    /// - Parameter cause: the word that led to it; nil for the provider's answers.
    func turn(_ payment: UInt8, _ input: PaymentState.Input, because cause: UInt8?, _ kind: OrderKind) -> PaymentTurn {
        let question = PaymentQuestion(state: payment, input: input, cause: cause ?? .max, kind: kind)
        if let known = paymentTurns[question] { return known }
        let before = Services.payments[Int(payment)]
        var after = Prototype.payment(kind, before)
        let effect = after.state.apply(input)
        if let cause { after.learn(from: words[Int(cause)].event) }
        cells.insert("payment \(before) \(input)")
        let turn = PaymentTurn(
            next: Services.number(of: after.state), effect: effect, said: after.event(of: effect).map { [number(of: $0, kind)] } ?? [],
            errand: effect.jobKind.flatMap(Services.errand))
        paymentTurns[question] = turn
        return turn
    }

    /// The word with which Payments announces what an effect says.
    func said(_ effect: PaymentState.Effect, _ kind: OrderKind) -> [UInt8] {
        Prototype.payment(kind, .charging).event(of: effect).map { [number(of: $0, kind)] } ?? []
    }

    static func number(of state: PaymentState) -> UInt8 { UInt8(payments.firstIndex(of: state) ?? 0) }

    private static func errand(_ jobKind: String) -> Errand? {
        switch jobKind {
        case ChargePayment.jobKind: .charge
        case VoidPayment.jobKind: .void
        case RefundPayment.jobKind: .refund
        default: nil
        }
    }

    // MARK: Words

    private var kinds: [OrderKind] = []

    private func number(of event: any Event, _ kind: OrderKind) -> UInt8 {
        let envelope = Envelope(
            id: Prototype.identifier, source: "", key: Prototype.identifier, correlationID: Prototype.identifier, time: Timestamp(milliseconds: 0), event: event
        )
        func heard<Meaning>(by service: Choreography.Participant, _ meaning: Meaning?) -> Meaning? {
            subscriptions[service]?.contains(envelope.type) == true ? meaning : nil
        }
        let word = Word(
            event: event, toOrders: heard(by: .orders, OrderState.Input(event)),
            toInventoryCovered: heard(by: .inventory, ReservationState.Input(event, isCovered: true)),
            toInventoryShort: heard(by: .inventory, ReservationState.Input(event, isCovered: false)),
            toPayments: heard(by: .payments, PaymentState.Input(event)),
            toCustomer: heard(by: .notifications, PendingNotification(envelope, channel: "log", id: Prototype.identifier)?.kind))
        let name =
            "\(kind) \(word.type) \(String(describing: word.toOrders)) \(String(describing: word.toInventoryCovered))"
            + " \(String(describing: word.toPayments)) \(String(describing: word.toCustomer))"
        if let number = numbers[name] { return number }
        let number = UInt8(words.count)
        words.append(word)
        kinds.append(kind)
        numbers[name] = number
        return number
    }
}

/// Values of the services' types for the questions that the model asks: one unit of one product, at a price or at none.
enum Prototype {
    static let identifier = Identifier(high: 1, low: 1)
    static let product = Identifier(high: 1, low: 2)

    private static let currency: Currency = {
        guard let pounds = Currency("GBP") else { preconditionFailure("GBP is a currency") }
        return pounds
    }()

    static func total(_ kind: OrderKind) -> Money { Money(minorUnits: kind.isFree ? 0 : 450, currency: currency) }

    static func order(_ kind: OrderKind, _ state: OrderState) -> Order {
        let start = Timestamp(milliseconds: 0)
        return Order(
            id: identifier, customerID: "alice", total: total(kind), shippingCountry: nil, paymentMethod: kind.isOffline ? Order.offlineMethod : "test_approve",
            metadata: nil, placedAt: start, createdAt: start, deadline: start, correlationID: identifier, lineCount: 1, state: state, updatedAt: start)
    }

    static func payment(_ kind: OrderKind, _ state: PaymentState) -> Payment {
        let start = Timestamp(milliseconds: 0)
        return Payment(
            id: identifier, orderID: identifier, amount: state == .none ? nil : total(kind), method: "test_approve", state: state, intentID: nil, reason: nil,
            createdAt: start, updatedAt: start)
    }
}
