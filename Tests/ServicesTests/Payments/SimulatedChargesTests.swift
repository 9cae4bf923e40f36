import Contracts
import Messaging
import PaymentSimulator
import Storage
import TestDatabases
import Testing
import Wire

@Suite("Charges of the simulated provider", .timeLimit(.minutes(1)))
struct SimulatedChargesTests {
    private let ledger: any Database
    private let provider: SimulatedPaymentProvider

    init() async throws {
        ledger = try TestDatabase.open("payment-provider")
        provider = SimulatedPaymentProvider(ledger: ledger, context: ServiceContext(service: "provider", clock: ManualClock(), seed: 3))
        try await provider.open()
    }

    private func key(_ number: Int) -> Identifier { Identifier(high: 5, low: UInt64(number)) }

    private func charge(_ number: Int, _ method: String = "test_approve", pounds: Int64? = nil) async throws -> PaymentIntent {
        let amount = Money(minorUnits: (pounds ?? Int64(number) + 1) * 100, currency: try #require(Currency("GBP")))
        return try await provider.charge(key: key(number), orderID: key(number), amount: amount, method: method, timeout: .seconds(1))
    }

    /// What was booked, by order.
    private func booked() async throws -> [Identifier: [String]] {
        let rows = try await ledger.read { try $0.query(SQL("SELECT order_id, entry, amount FROM ledger")) { ($0.id(0), "\($0.text(1)) \($0.integer(2))") } }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    @Test("those who are charged at the same time are charged what each of them owes, once, however often they ask")
    func together() async throws {
        let intents = try await withThrowingTaskGroup(of: (Int, PaymentIntent).self) { group in
            for number in 0..<120 {
                // Every fourth is declined; the first forty ask twice.
                let person = number < 80 ? number : number - 80
                group.addTask { (person, try await charge(person, person % 4 == 3 ? "test_decline" : "test_approve")) }
            }
            return try await group.reduce(into: [Int: [PaymentIntent]]()) { $0[$1.0, default: []].append($1.1) }
        }
        let books = try await booked()
        for person in 0..<80 {
            let answers = try #require(intents[person])
            #expect(answers.count == (person < 40 ? 2 : 1) && Set(answers.map(\.id)).count == 1)
            for answer in answers {
                #expect(answer.status == (person % 4 == 3 ? .declined : .captured) && answer.amount.minorUnits == Int64(person + 1) * 100)
            }
            #expect(books[key(person)] == ["\(person % 4 == 3 ? "decline" : "capture") \((person + 1) * 100)"])
        }
        #expect(books.count == 80)
    }

    @Test("an intent that was only created is charged what it was created for, beside others that are new")
    func created() async throws {
        let amount = Money(minorUnits: 700, currency: try #require(Currency("GBP")))
        let first = try await provider.createIntent(key: key(1), orderID: key(1), amount: amount, method: "test_approve", timeout: .seconds(1))
        async let old = charge(1, pounds: 9)
        async let new = charge(2)
        let (charged, other) = try await (old, new)
        #expect(charged.id == first.id && charged.status == .captured && charged.amount == amount && other.status == .captured)
        #expect(try await booked() == [key(1): ["capture 700"], key(2): ["capture 300"]])
    }

    @Test("a charge that makes no sense fails, and those beside it do not")
    func nonsense() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<30 { group.addTask { try await charge(number).status == .captured } }
            group.addTask { do { return try await charge(30, pounds: -1).status == .created } catch { return true } }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(try await booked().count == 30)
    }
}
