import Contracts
import Inventory
import Orders
import Payments

typealias ReservationEffect = ReservationState.Effect

/// All that may happen to one order: the services' reactions by their own state machines, and around them people, clocks, the provider, and faults.
///
/// A service's reaction (state, what it says, that it has heard the event) is one step, as it is one transaction. A crash loses what is in memory: the
/// questions that Payments has asked and the answers that it has not recorded.
final class Saga {
    let design: Design
    let scope: Scope
    let services: Services
    /// What was met.
    var marks: Set<Mark> = []
    /// Which event reached which listener, and what was said at once.
    private(set) var reactions: Set<Reaction> = []
    /// Deliveries of an event that its listener had already, which the inbox refuses.
    private(set) var refused = 0

    /// An event, who heard it, and what it said in turn; nil for nothing.
    struct Reaction: Hashable {
        let event: String
        let listener: Choreography.Participant
        let said: String?
    }

    init(_ design: Design = .right, _ scope: Scope = .whole) {
        (self.design, self.scope) = (design, scope)
        services = Services([.orders, .inventory, .payments] + (scope.tells ? [.notifications] : []))
    }

    /// Before anything happened.
    var start: Course {
        var course = Course()
        (course.faults, course.poison) = (design.faults, scope.deadLetters)
        return course
    }

    /// Whether nothing is under way: no event unheard or dead, no job due, no question on its way.
    func isResting(_ course: Course) -> Bool {
        if course.deadLetter != nil { return false }
        for errand in Errand.allCases {
            let work = course[errand]
            if work.isDue || work.strays > 0 || work.cancellingStrays > 0 { return false }
        }
        for (number, channel) in services.channels.enumerated() where course.position(number) < course.log(of: channel.producer).count { return false }
        return true
    }

    /// Tells all that may happen next.
    func visit(_ course: Course, _ body: (Step, Outcome) -> Void) {
        /// Some designs can lose what a step says.
        func tell(_ step: Step, _ outcome: Outcome, by service: Choreography.Participant) {
            var kept = outcome
            append(kept.said, to: &kept.course, by: service)
            body(step, kept)
            guard !outcome.said.isEmpty, outcome.course.faults > 0, design == .dualWrite || design == .cursorOutbox else { return }
            var lost = outcome
            lost.course.faults -= 1
            lost.isSaidLost = true
            settlePositions(&lost.course)
            body(step, lost)
        }
        visitPeople(course) { tell($0, $1, by: .orders) }
        for (number, channel) in services.channels.enumerated() { visit(channel, number, course) { tell($0, $1, by: channel.listener) } }
        for errand in Errand.allCases { visit(errand, course) { tell($0, $1, by: .payments) } }
        visitCrash(course, body)
        if design == .holdsExpire, Services.reservations[Int(course.reservation)] == .held {
            var outcome = Outcome(course: course, effect: .release)
            outcome.course.reservation = Services.number(of: .released)
            body(.expireHold, outcome)
        }
    }

    /// Keeps what was said, unless nobody listens.
    private func append(_ said: [UInt8], to course: inout Course, by service: Choreography.Participant) {
        for word in said where services.channels.contains(where: { $0.producer == service && services.hears(word, $0.listener) }) {
            course.append(word, by: service)
        }
        settlePositions(&course)
    }

    /// Lets every listener pass over the events that it does not listen to.
    private func settlePositions(_ course: inout Course) {
        for (number, channel) in services.channels.enumerated() {
            let log = course.log(of: channel.producer)
            while course.position(number) < log.count, !services.hears(log[course.position(number)], channel.listener) { course.advance(number) }
        }
    }

    // MARK: People and clocks

    private func visitPeople(_ course: Course, _ body: (Step, Outcome) -> Void) {
        guard course.order != 0 else {
            for kind in scope.kinds {
                var outcome = Outcome(course: course)
                outcome.course.kind = kind
                (outcome.course.order, outcome.said) = services.place(kind)
                body(.place(kind), outcome)
            }
            return
        }
        for input in [OrderState.Input.cancel, .deadline, .payOffline, .ship, .deliver] {
            let turn = services.turn(course.order, input, course.kind)
            guard case .change = turn.decision else { continue }
            var outcome = Outcome(course: course, said: turn.said, fault: turn.fault)
            outcome.course.order = turn.next
            if input == .deadline { marks.insert(.deadline) }
            body(.wish(input), outcome)
        }
    }

    // MARK: Events

    private func visit(_ channel: Channel, _ number: Int, _ course: Course, _ body: (Step, Outcome) -> Void) {
        let log = course.log(of: channel.producer)
        let position = course.position(number)
        if position < log.count {
            var next = course
            next.advance(number)
            react(to: log[position], channel.listener, next) { body(.hear(channel: number, isCovered: $0), $1) }
            if design == .acknowledgeBeforeCommit, course.faults > 0 {
                next.faults -= 1
                body(.acknowledgeAndCrash(channel: number), Outcome(course: next))
            } else if course.poison > 0 {
                next.poison -= 1
                next.deadLetter = DeadLetter(channel: UInt8(number), place: position)
                body(.bury(channel: number), Outcome(course: next))
            }
        }
        if let dead = course.deadLetter, dead.channel == number {
            if (dead.place + 1..<position).contains(where: { services.hears(log[$0], channel.listener) }) { marks.insert(.redrivenLate) }
            var next = course
            next.deadLetter = nil
            react(to: log[dead.place], channel.listener, next) { body(.redrive(isCovered: $0), $1) }
        }
        for place in 0..<position where services.hears(log[place], channel.listener) && course.deadLetter != DeadLetter(channel: UInt8(number), place: place) {
            guard design == .noInbox || design == .noDeduplication else {
                refused += 1
                continue
            }
            guard course.faults > 0 else { continue }
            var next = course
            next.faults -= 1
            react(to: log[place], channel.listener, next, isAgain: true) { body(.hearAgain(channel: number, place: place, isCovered: $0), $1) }
        }
    }

    private func react(
        to word: UInt8, _ listener: Choreography.Participant, _ course: Course, isAgain: Bool = false, _ body: (Bool, Outcome) -> Void
    ) {
        let heard = services.words[Int(word)]
        func note(_ outcome: Outcome) {
            if outcome.said.isEmpty { reactions.insert(Reaction(event: heard.type, listener: listener, said: nil)) }
            for word in outcome.said { reactions.insert(Reaction(event: heard.type, listener: listener, said: services.words[Int(word)].type)) }
        }
        var outcome = Outcome(course: course)
        switch listener {
        case .orders:
            guard let input = heard.toOrders else { break }
            let turn = services.turn(course.order, input, course.kind)
            outcome.course.order = turn.next
            (outcome.said, outcome.fault) = (turn.said, turn.fault)
            if input == .paymentProcessed, turn.said.count == 2 { marks.insert(.paymentOvertook) }
        case .inventory:
            let covered = reserve(heard.toInventoryCovered, word, outcome, isAgain)
            note(covered)
            guard heard.toInventoryCovered != heard.toInventoryShort else { return body(true, covered) }
            var short = reserve(heard.toInventoryShort, word, outcome, isAgain)
            note(short)
            // Where the answer does not depend on the stock, one step says it all.
            if short.course == covered.course, short.effect == covered.effect, short.said == covered.said { return body(true, covered) }
            var enough = covered
            (enough.needsStock, short.needsStock) = (true, false)
            body(true, enough)
            return body(false, short)
        case .payments: outcome = pay(heard.toPayments, word, outcome)
        case .notifications: if let kind = heard.toCustomer { outcome.course.tell(kind) }
        case .analytics, .operations: break
        }
        note(outcome)
        body(true, outcome)
    }

    private func reserve(_ input: ReservationState.Input?, _ word: UInt8, _ outcome: Outcome, _ isAgain: Bool) -> Outcome {
        guard let input else { return outcome }
        var outcome = outcome
        let isForgotten = isAgain && design == .noDeduplication
        let state = isForgotten ? Services.number(of: ReservationState.none) : outcome.course.reservation
        let turn = services.turn(state, input, because: word)
        let leavesNoTrace = design == .noTombstone && Services.reservations[Int(state)] == .none && input == .cancellation
        outcome.course.reservation = leavesNoTrace ? state : turn.next
        (outcome.effect, outcome.said) = (turn.effect, turn.said)
        if input == .cancellation, Services.reservations[Int(state)] == .none { marks.insert(.cancelFoundNothing) }
        return outcome
    }

    private func pay(_ input: PaymentState.Input?, _ word: UInt8, _ outcome: Outcome) -> Outcome {
        guard let input else { return outcome }
        var outcome = outcome
        let before = Services.payments[Int(outcome.course.payment)]
        if input == .cancellation {
            if before == .none { marks.insert(.cancelOvertook) }
            if before == .charging { marks.insert(.cancelledWhileCharging) }
            if before == .failed { marks.insert(.cancelMetFailure) }
        }
        if input == .offlinePayment, before == .none { marks.insert(.offlineOvertook) }
        if design == .cancelIgnoredWhileCharging, before == .charging, input == .cancellation {
            outcome.said = services.said(.announceVoided, outcome.course.kind)
            return outcome
        }
        let turn = services.turn(outcome.course.payment, input, because: word, outcome.course.kind)
        let leavesNoTrace = design == .noTombstone && before == .none && input == .cancellation
        if !leavesNoTrace { outcome.course.payment = turn.next }
        outcome.said = turn.said
        if let errand = turn.errand { outcome.course[errand].isDue = true }
        return outcome
    }
}
