import Contracts
import Orders

/// Tells a step as a sentence.
struct Narrator {
    private let saga: Saga
    private var services: Services { saga.services }

    init(_ saga: Saga) { self.saga = saga }

    func tell(_ step: Step, _ before: Course, _ outcome: Outcome) -> String {
        let sentence = happening(step, before, outcome)
        guard !outcome.said.isEmpty else { return sentence }
        let names = outcome.said.map { services.words[Int($0)].type }.joined(separator: " and ")
        guard outcome.isSaidLost else { return "\(sentence); says \(names)" }
        return saga.design == .cursorOutbox
            ? "\(sentence); writes \(names) under a number that the relay has passed already, because a later one was committed first"
            : "\(sentence); crashes before it says \(names)"
    }

    private func happening(_ step: Step, _ before: Course, _ outcome: Outcome) -> String {
        switch step {
        case .place(let kind): "the customer places an order\(Narrator.words(kind)): Orders accepts it"
        case .wish(let input): "\(Narrator.words(input)): Orders becomes \(status(outcome.course))"
        case .hear(let channel, _):
            hearing(services.channels[channel], before.position(channel), before, outcome, verb: "hears")
        case .hearAgain(let channel, let place, _): hearing(services.channels[channel], place, before, outcome, verb: "hears again")
        case .bury(let channel):
            "\(event(services.channels[channel], before.position(channel), before)) becomes a dead letter of "
                + name(services.channels[channel].listener)
        case .redrive: redriving(before, outcome)
        case .acknowledgeAndCrash(let channel):
            "\(name(services.channels[channel].listener)) acknowledges \(event(services.channels[channel], before.position(channel), before)), "
                + "and crashes before it acts on it"
        case .ask(.refund) where before.kind.isFree: "Payments has nothing to give back of a total of 0"
        case .ask(let errand): "Payments sends the \(errand) to the provider\(before[errand].sends > 0 ? " again" : "")"
        case .answer(let errand, _): "the \(errand) reaches the provider, which \(provider(before, outcome)); its answer comes back"
        case .answerStray(let errand, _, _): "a late \(errand) reaches the provider, which \(provider(before, outcome))"
        case .giveUp(let errand, let travelsOn):
            before[errand].call == .asked || before[errand].call == .cancelling
                ? travelsOn ? "Payments waits no longer for an answer to the \(errand), which is still on its way" : "the \(errand) is lost on its way"
                : "the answer to the \(errand) is lost"
        case .crash: "Payments crashes and forgets what it asked, which is still on its way"
        case .record(let errand): "Payments records the answer to the \(errand): is \(Services.payments[Int(outcome.course.payment)])"
        case .expireHold: "Inventory frees the unit, because it was held for so long"
        }
    }

    private func redriving(_ before: Course, _ outcome: Outcome) -> String {
        guard let dead = before.deadLetter else { return "nothing is redriven" }
        return hearing(services.channels[Int(dead.channel)], dead.place, before, outcome, verb: "is redriven")
    }

    private func hearing(_ channel: Channel, _ place: UInt8, _ before: Course, _ outcome: Outcome, verb: String) -> String {
        "\(name(channel.listener)) \(verb) \(event(channel, place, before)): \(change(channel.listener, before, outcome))"
    }

    private func change(_ listener: Choreography.Participant, _ before: Course, _ outcome: Outcome) -> String {
        let (course, effect) = (outcome.course, outcome.effect)
        switch listener {
        case .orders:
            if course.order == before.order { return "nothing changes" }
            return status(course) == status(before) ? "notes it" : "becomes \(status(course))"
        case .inventory:
            switch effect {
            case .hold: return "holds 1 unit"
            case .reject: return "there is not enough"
            case .release: return "frees 1 unit"
            case .sell: return "1 unit is sold"
            case .answer: return course.reservation == before.reservation ? "holds nothing" : "will hold nothing"
            case .nothing: return "nothing changes"
            }
        case .payments:
            let state = Services.payments[Int(course.payment)]
            if course.payment != before.payment { return "is \(state)" }
            return outcome.said.isEmpty ? "nothing changes" : "stays \(state)"
        case .notifications: return course.told == before.told ? "nothing changes" : "tells the customer"
        case .analytics, .operations: return "nothing changes"
        }
    }

    private func provider(_ before: Course, _ outcome: Outcome) -> String {
        let (old, new) = (before.provider, outcome.course.provider)
        if new.captures > old.captures { return "takes the total" + (old.captures > 0 ? " a second time" : "") }
        if new.refunds > old.refunds { return "gives the total back" }
        guard let intent = new.intent else { return "knows of no such intent" }
        if new.intent == old.intent { return "finds the intent \(intent)" }
        switch intent {
        case .created: return "makes the intent"
        case .captured: return "takes the total"
        case .declined: return "declines"
        case .cancelled: return "gives the intent up"
        }
    }

    private func status(_ course: Course) -> String { services.orders[Int(course.order)].status.rawValue }
    private func name(_ service: Choreography.Participant) -> String { service.rawValue.prefix(1).uppercased() + service.rawValue.dropFirst() }
    private func event(_ channel: Channel, _ place: UInt8, _ course: Course) -> String {
        services.words[Int(course.log(of: channel.producer)[place])].type
    }

    private static func words(_ kind: OrderKind) -> String {
        switch kind {
        case .card: ""
        case .free: ", with a total of 0"
        case .offline: ", to be paid elsewhere"
        case .freeOffline: ", with a total of 0, to be paid elsewhere"
        }
    }

    private static func words(_ input: OrderState.Input) -> String {
        switch input {
        case .cancel: "the customer cancels the order"
        case .deadline: "the deadline passes"
        case .payOffline: "an operator records a payment made elsewhere"
        case .ship: "an operator ships the order"
        case .deliver: "an operator records the delivery"
        case .stockReserved, .stockInsufficient, .stockReleased, .paymentProcessed, .paymentFailed, .paymentUndone: "\(input)"
        }
    }
}
