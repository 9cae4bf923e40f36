import Contracts
import Messaging
import Storage
import Testing
import Wire

@testable import Analytics

@Suite struct FactTableTests {
    /// Counts the rows of every answer, all of which an engine may have in memory at once.
    private final class RowCounter: ReadTransaction {
        private let base: any ReadTransaction
        private(set) var answers: [Int] = []
        init(_ base: any ReadTransaction) { self.base = base }

        func fetch(_ sql: SQL, each parameters: [[SQLValue]], _ row: (any Row) throws -> Void) throws {
            var count = 0
            try base.fetch(sql, each: parameters) {
                count += 1
                try row($0)
            }
            answers.append(count)
        }
    }

    private func database() async throws -> any Database {
        let fixture = try ServiceFixture("analytics")
        try await fixture.migrate(AnalyticsService(fixture.environment, history: NoHistory()))
        return fixture.database
    }

    /// The first and the last key that there can be, and some whose neighbours differ in either half.
    private static let ids = [
        OrderID(high: 0, low: 0), OrderID(high: 0, low: 7), OrderID(high: 0, low: .max), OrderID(high: 1, low: 0), OrderID(high: 1, low: 1),
        OrderID(high: 2, low: 5),
        OrderID(high: .max, low: .max),
    ]

    @Test(arguments: 1...9) func `All facts are handed over once and in order, however large a page is`(pageSize: Int) async throws {
        let database = try await database()
        try await database.write { try FactTable.add(FactTableTests.ids.map { OrderFact(id: $0) }, in: $0) }
        let (found, answers) = try await database.read { transaction in
            let counter = RowCounter(transaction)
            var found: [OrderID] = []
            try FactTable.scan(nil, in: counter, pageSize: pageSize) { found.append($0.id) }
            return (found, counter.answers)
        }
        #expect(found == FactTableTests.ids)
        #expect(answers.allSatisfy { $0 <= pageSize }, "\(answers)")
    }

    @Test func `Those of a range of time are found on all pages`() async throws {
        let database = try await database()
        let facts = (1...50).map { number in
            var fact = OrderFact(id: OrderID(high: 0, low: UInt64(number)))
            fact.placedAt = number % 7 == 0 ? nil : Timestamp(milliseconds: Int64(number))
            return fact
        }
        try await database.write { try FactTable.add(facts, in: $0) }
        let found = try await database.read { transaction in
            var found: [UInt64] = []
            try FactTable.scan(Timestamp(milliseconds: 10)..<Timestamp(milliseconds: 40), in: transaction, pageSize: 4) { found.append($0.id.low) }
            return found
        }
        let expected: [UInt64] = (10..<40).filter { $0 % 7 != 0 }
        #expect(found == expected)
    }
}

private struct NoHistory: EventHistory {
    func page(after sequence: Int64, limit: Int) async throws -> [(sequence: Int64, event: Envelope)] { [] }
}
