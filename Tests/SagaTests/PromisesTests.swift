import Contracts
import Inventory
import Orders
import Testing

/// The checks of the exploration find what is broken; without this, an exploration that finds nothing would say nothing.
@Suite("The promises of the exploration")
struct PromisesTests {
    private let services = Services([.orders, .inventory, .payments, .notifications])

    /// A course of an order of this kind that was told these things.
    private func course(_ kind: OrderKind = .card, _ inputs: OrderState.Input..., reservation: ReservationState, captures: UInt8, refunds: UInt8 = 0) -> Course
    {
        var course = Course()
        course.kind = kind
        course.order = services.place(kind).order
        for input in inputs { course.order = services.turn(course.order, input, kind).next }
        course.reservation = Services.number(of: reservation)
        (course.provider.captures, course.provider.refunds) = (captures, refunds)
        return course
    }

    private func broken(_ course: Course) -> String? { Promises.fault(of: course, services).map { String($0.prefix(2)) } }

    @Test("money that does not fit the status is found")
    func money() {
        #expect(broken(course(reservation: .held, captures: 2)) == "S3")
        #expect(broken(course(reservation: .held, captures: 0, refunds: 1)) == "S3")
        #expect(broken(course(.card, .paymentProcessed, reservation: .held, captures: 0)) == "S4")
        #expect(broken(course(.card, .paymentProcessed, reservation: .held, captures: 1, refunds: 1)) == "S4")
        #expect(broken(course(.card, .paymentProcessed, reservation: .held, captures: 1)) == nil)
        #expect(broken(course(.free, .paymentProcessed, reservation: .held, captures: 1)) == "S4")
        #expect(broken(course(.free, .paymentProcessed, reservation: .held, captures: 0)) == nil)
        #expect(broken(course(.card, .stockInsufficient, reservation: .rejected, captures: 1)) == "S5")
        #expect(broken(course(.card, .paymentFailed, reservation: .released, captures: 1)) == "S5")
    }

    @Test("stock that does not fit the status is found")
    func stock() {
        #expect(broken(course(.card, .paymentProcessed, reservation: .released, captures: 1)) == "S4")
        #expect(broken(course(.card, .paymentProcessed, reservation: .sold, captures: 1)) == "S4")
        #expect(broken(course(.card, .paymentProcessed, .ship, reservation: .sold, captures: 1)) == nil)
        #expect(broken(course(.card, .stockInsufficient, reservation: .held, captures: 0)) == "S5")
        #expect(broken(course(.card, .paymentFailed, reservation: .held, captures: 0)) == "S5")
        #expect(broken(course(.card, .paymentFailed, reservation: .released, captures: 0)) == nil)
    }

    @Test("a change along no edge, a change that is not counted and a change that is not told are found")
    func changes() {
        func state(_ status: OrderStatus, _ version: Int64) -> OrderState { OrderState(status: status, version: version) }
        #expect(Promises.faultOfChange(state(.paid, 3), .change([.created]), state(.created, 4)) != nil)
        #expect(Promises.faultOfChange(state(.reserved, 2), .change([.paid]), state(.paid, 2)) != nil)
        #expect(Promises.faultOfChange(state(.reserved, 2), .change([.paid]), state(.failed, 3)) != nil)
        #expect(Promises.faultOfChange(state(.reserved, 2), .ignore, state(.paid, 3)) != nil)
        #expect(Promises.faultOfChange(state(.created, 1), .change([.reserved, .paid]), state(.paid, 3)) == nil)
    }

    @Test("an order that rests before its end is found, unless it waits for an operator")
    func rest() {
        func unfinished(_ course: Course) -> Bool { Promises.unfinished(course, services, tells: true) != nil }
        #expect(unfinished(course(reservation: .none, captures: 0)))
        #expect(unfinished(course(.card, .stockReserved, reservation: .held, captures: 0)))
        #expect(!unfinished(course(.offline, .stockReserved, reservation: .held, captures: 0)))
        #expect(unfinished(course(.card, .paymentProcessed, .ship, reservation: .held, captures: 1)))
        var paid = course(.card, .paymentProcessed, reservation: .held, captures: 1)
        #expect(unfinished(paid), "the customer was not told")
        paid.tell(.confirmation)
        #expect(!unfinished(paid))
    }
}
