import Storage
import Testing

@testable import StoragePostgres

@Suite("Statements that are gathered")
struct GatheredStatementsTests {
    private let keyed = SQL("INSERT INTO outbox (type, key, body) VALUES ($1, $2, $3)")
    private let forTopic = SQL("INSERT INTO outbox (type, key, body, topic, headers) VALUES ($1, $2, $3, $4, $5)")
    private let admit = SQL("INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT (event_id) DO NOTHING")
    private let forget = SQL("DELETE FROM inbox WHERE event_id = $1")

    /// What is sent: each statement with the first parameter of each of its sets.
    private func order(_ statements: [GatheredStatements.Statement]) -> [String] {
        statements.map { statement in
            "\(GatheredStatements.table(ofInsert: statement.sql.text) ?? "-") \(statement.sql.id): "
                + statement.sets.map { if case .integer(let number)? = $0.first { "\(number)" } else { "?" } }.joined(separator: " ")
        }
    }

    private func gather(_ parts: [(SQL, Int64)]) -> [String] {
        var gathered = GatheredStatements()
        for (sql, number) in parts { gathered.add(sql, [[.integer(number)]], nil) }
        return order(gathered.take())
    }

    @Test func `inserts of one text join, also over inserts into other tables`() {
        #expect(gather([(keyed, 1), (admit, 2), (keyed, 3), (admit, 4)]) == ["outbox \(keyed.id): 1 3", "inbox \(admit.id): 2 4"])
    }

    @Test func `rows of two texts that write one table stay in order`() {
        #expect(
            gather([(keyed, 1), (forTopic, 2), (keyed, 3), (admit, 4), (keyed, 5)])
                == ["outbox \(keyed.id): 1", "outbox \(forTopic.id): 2", "outbox \(keyed.id): 3 5", "inbox \(admit.id): 4"])
    }

    @Test func `rows whose keys are asked for stay in order with those whose keys are not`() {
        var gathered = GatheredStatements()
        gathered.add(keyed, [[.integer(1)]], nil)
        gathered.add(keyed, [[.integer(2)]]) { _ in }
        gathered.add(keyed, [[.integer(3)]], nil)
        #expect(order(gathered.take()) == ["outbox \(keyed.id): 1", "outbox \(keyed.id): 2", "outbox \(keyed.id): 3"])
    }

    @Test func `nothing is moved over a statement that is no insert of values`() {
        #expect(gather([(admit, 1), (forget, 1), (admit, 1)]) == ["inbox \(admit.id): 1", "- \(forget.id): 1", "inbox \(admit.id): 1"])
        let copy = SQL("INSERT INTO inbox (event_id) SELECT event_id FROM parked WHERE key = $1")
        #expect(gather([(admit, 1), (copy, 2), (admit, 3)]) == ["inbox \(admit.id): 1", "- \(copy.id): 2", "inbox \(admit.id): 3"])
    }

    @Test func `what was handed over is not joined any more`() {
        var gathered = GatheredStatements()
        gathered.add(admit, [[.integer(1)]], nil)
        _ = gathered.take()
        gathered.add(admit, [[.integer(2)]], nil)
        #expect(order(gathered.take()) == ["inbox \(admit.id): 2"])
        #expect(gathered.take().isEmpty)
    }

    @Test func `the table is found however the statement is laid out`() {
        #expect(GatheredStatements.table(ofInsert: "INSERT INTO attempts(event_id)\nVALUES ($1)") == "attempts")
        #expect(GatheredStatements.table(ofInsert: "INSERT INTO attempts\n(event_id) VALUES ($1)") == "attempts")
        #expect(GatheredStatements.table(ofInsert: "UPDATE attempts SET error = NULL") == nil)
    }
}
