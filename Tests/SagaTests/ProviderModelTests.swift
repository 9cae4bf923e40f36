import Contracts
import Messaging
import PaymentSimulator
import Storage
import StorageSQLite
import Testing
import Wire

/// The provider of the exploration is the provider of the platform.
@Suite("The model of the provider")
struct ProviderModelTests {
    private enum Call: CaseIterable {
        case create, charge, cancel, refund
    }

    /// All sequences of so many calls.
    private static func sequences(_ length: Int) -> [[Call]] {
        length == 0 ? [[]] : sequences(length - 1).flatMap { sequence in Call.allCases.map { sequence + [$0] } }
    }

    @Test("it answers every sequence of four calls as the simulator does, and books the same", arguments: [true, false])
    func sameAnswers(approves: Bool) async throws {
        let ledger = try ProviderModelTests.ledger()
        let provider = SimulatedPaymentProvider(ledger: ledger, context: ServiceContext(service: "provider", clock: StoppedClock(), seed: 1))
        try await provider.open()
        let amount = Prototype.total(.card)
        var compared = 0
        for (number, sequence) in ProviderModelTests.sequences(4).enumerated() {
            var model = ProviderModel()
            let key = Identifier(high: 7, low: UInt64(number) * 2)
            var id: Identifier?
            for call in sequence {
                switch call {
                case .create, .charge:
                    let expected = call == .create ? model.create() : model.charge(approves: approves)
                    let method = approves ? "test_approve" : "test_decline"
                    let intent =
                        try await call == .create
                        ? provider.createIntent(key: key, orderID: key, amount: amount, method: method, timeout: .seconds(1))
                        : provider.charge(key: key, orderID: key, amount: amount, method: method, timeout: .seconds(1))
                    #expect(intent.status == expected.asPort, "\(sequence)")
                    id = intent.id
                case .cancel:
                    guard let id else { continue }
                    #expect(try await provider.cancel(id, timeout: .seconds(1)).status == model.cancel().asPort, "\(sequence)")
                case .refund:
                    // Payments asks for it only when it knows that the total was taken.
                    guard let id, model.intent == .captured else { continue }
                    model.refund()
                    _ = try await provider.refund(id, key: Identifier(high: 7, low: key.low + 1), amount: amount, timeout: .seconds(1))
                }
                compared += 1
            }
            let booked = try await ProviderModelTests.entries(key, ledger)
            #expect(booked.captures == model.captures && booked.refunds == model.refunds, "\(sequence)")
        }
        #expect(compared > 500)
    }

    private static func ledger() throws -> any Database {
        var configuration = SQLiteDatabase.Configuration()
        configuration.commitInterval = .zero
        return try SQLiteDatabase(name: "provider", path: ":memory:", configuration: configuration)
    }

    private static let count = SQL("SELECT count(*) FROM ledger WHERE order_id = $1 AND entry = $2")

    private static func entries(_ order: Identifier, _ ledger: any Database) async throws -> (captures: UInt8, refunds: UInt8) {
        try await ledger.read { transaction in
            func entries(_ name: String) throws -> UInt8 { UInt8(try transaction.first(count, [.id(order), .text(name)]) { $0.integer(0) } ?? 0) }
            return (try entries("capture"), try entries("refund"))
        }
    }
}

/// Time does not matter here.
private struct StoppedClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: 0) }
    func sleep(for duration: Duration) async throws {}
}
