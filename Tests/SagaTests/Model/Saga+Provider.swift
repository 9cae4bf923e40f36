import Payments

/// What may happen between Payments and its provider.
extension Saga {
    func visit(_ errand: Errand, _ course: Course, _ body: (Step, Outcome) -> Void) {
        let work = course[errand]
        let mayAskAgain = work.sends < scope.sends
        switch work.call {
        case .none:
            if work.isDue, mayAskAgain {
                var next = course
                next[errand].sends += 1
                // Nothing was taken for a total of 0, so the provider is not asked to give it back.
                next[errand].call = errand == .refund && course.kind.isFree ? .refunded : .asked
                if errand == .refund, work.sends > 0, course.provider.refunds > 0 { marks.insert(.refundRepeated) }
                body(.ask(errand), Outcome(course: next))
            }
        case .asked, .cancelling:
            for approves in opinions(errand, course) {
                var next = course
                next[errand].call = provider(errand, isCancelling: work.call == .cancelling, approves, &next.provider)
                if errand == .charge, work.sends > 1 {
                    if course.provider.intent == .captured { marks.insert(.unknownWasCaptured) }
                    if course.provider.intent == .declined { marks.insert(.unknownWasDeclined) }
                }
                body(.answer(errand, approves: approves), Outcome(course: next))
            }
            if mayAskAgain {
                for travelsOn in [true, false] {
                    var next = course
                    forget(errand, travelsOn: travelsOn, &next)
                    body(.giveUp(errand, travelsOn: travelsOn), Outcome(course: next))
                }
            }
        case .captured, .declined, .cancelled, .refunded:
            record(errand, course, body)
            if mayAskAgain {
                var next = course
                next[errand].call = .none
                body(.giveUp(errand, travelsOn: false), Outcome(course: next))
            }
        }
        visitStrays(errand, course, body)
    }

    private func visitStrays(_ errand: Errand, _ course: Course, _ body: (Step, Outcome) -> Void) {
        for isCancelling in [false, true] where (isCancelling ? course[errand].cancellingStrays : course[errand].strays) > 0 {
            for approves in isCancelling ? [true] : opinions(errand, course) {
                var next = course
                if isCancelling { next[errand].cancellingStrays -= 1 } else { next[errand].strays -= 1 }
                _ = provider(errand, isCancelling: isCancelling, approves, &next.provider)
                body(.answerStray(errand, isCancelling: isCancelling, approves: approves), Outcome(course: next))
            }
        }
    }

    /// What the bank may say, where it will be asked.
    private func opinions(_ errand: Errand, _ course: Course) -> [Bool] {
        guard errand == .charge else { return [true] }
        let isAsked = design == .freshKeyPerAttempt || course.provider.intent == nil || course.provider.intent == .created
        return isAsked ? [true, false] : [true]
    }

    /// The provider hears a question; what the worker hears in turn.
    private func provider(_ errand: Errand, isCancelling: Bool, _ approves: Bool, _ books: inout ProviderModel) -> Work.Call {
        let status: ProviderModel.Status
        switch errand {
        case .charge:
            if books.intent == .cancelled { marks.insert(.lateChargeRefused) }
            if design == .freshKeyPerAttempt { books.intent = nil }
            status = books.charge(approves: approves)
        case .void where isCancelling: status = books.cancel()
        case .void:
            if design == .noFence, books.intent == nil { return .cancelled }
            status = books.create()
            if status == .captured { marks.insert(.cancelledTooLate) }
        case .refund:
            books.refund()
            return .refunded
        }
        switch status {
        case .created: return .cancelling
        case .captured: return .captured
        case .declined: return .declined
        case .cancelled: return .cancelled
        }
    }

    private func record(_ errand: Errand, _ course: Course, _ body: (Step, Outcome) -> Void) {
        var outcome = Outcome(course: course)
        let work = course[errand]
        outcome.course[errand] = Work(strays: work.strays, cancellingStrays: work.cancellingStrays)
        let input: PaymentState.Input?
        switch work.call {
        case .captured: input = PaymentState.Input(ProviderModel.Status.captured.asPort)
        case .declined: input = PaymentState.Input(ProviderModel.Status.declined.asPort)
        case .cancelled: input = PaymentState.Input(ProviderModel.Status.cancelled.asPort)
        case .refunded: input = .refundConfirmed
        case .none, .asked, .cancelling: input = nil
        }
        guard let input else { return }
        let turn = services.turn(course.payment, input, because: nil, course.kind)
        outcome.course.payment = turn.next
        outcome.said = turn.said
        if let next = turn.errand { outcome.course[next].isDue = true }
        body(.record(errand), outcome)
    }

    func visitCrash(_ course: Course, _ body: (Step, Outcome) -> Void) {
        let calling = Errand.allCases.filter { course[$0].call != .none }
        guard !calling.isEmpty, calling.allSatisfy({ course[$0].sends < scope.sends }) else { return }
        var next = course
        for errand in calling { forget(errand, travelsOn: true, &next) }
        marks.insert(.crashed)
        body(.crash, Outcome(course: next))
    }

    /// The worker forgets its attempt; the question is lost or travels on.
    private func forget(_ errand: Errand, travelsOn: Bool, _ course: inout Course) {
        if travelsOn, course[errand].call == .asked { course[errand].strays += 1 }
        if travelsOn, course[errand].call == .cancelling { course[errand].cancellingStrays += 1 }
        course[errand].call = .none
    }
}
