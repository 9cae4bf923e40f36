import Storage
import Wire

/// A row of the outbox as a relay reads it.
struct OutboxRow: Sendable {
    let sequence: Int64
    let type: String
    let key: Identifier
    let body: [UInt8]
    /// Where it is published, if not where its type is.
    let topic: String?
    /// What its message says beyond what the event itself tells.
    let headers: [BrokerMessage.Header]

    /// - Parameter row: sequence, type, key, body, topic, headers.
    init(_ row: any Row) {
        (sequence, type, key, body, topic) = (row.integer(0), row.text(1), row.id(2), row.bytes(3), row.optionalText(4))
        headers = row.optionalText(5).map(DeadLetterHeaders.read) ?? []
    }
}

/// What a relay takes out of the outbox at once: the oldest rows that need not wait. Bounded by their number and by their size, whichever comes first.
struct OutboxPage: Sendable {
    /// The most rows of a page.
    static let rows = 2000
    /// The most bytes of bodies in a page. One row always has room.
    static let bytes = 16 << 20
    /// How many rows are looked at in search of those that need not wait.
    private static let sight = 50_000

    /// In order.
    private(set) var rows: [OutboxRow] = []
    /// How many rows were seen, those that wait included.
    private(set) var seen = 0
    /// The orders of the rows that were passed over because they have to wait.
    private(set) var passedOver: Set<Identifier> = []

    /// The running sum ends the page in the database, so that nothing is handed over that has no room.
    private static let oldest = SQL(
        """
        SELECT sequence, type, key, body, topic, headers FROM (
        SELECT sequence, type, key, body, topic, headers, sum(length(body)) OVER (ORDER BY sequence ROWS UNBOUNDED PRECEDING) AS total
        FROM (SELECT sequence, type, key, body, topic, headers FROM outbox ORDER BY sequence LIMIT $1) AS oldest
        ) AS page WHERE total <= $2 OR total = length(body) ORDER BY sequence
        """)
    private static let heads = SQL("SELECT sequence, type, key, topic, length(body) FROM outbox WHERE sequence > $1 ORDER BY sequence LIMIT $2")
    private static let single = SQL("SELECT sequence, type, key, body, topic, headers FROM outbox WHERE sequence = $1")

    /// The oldest rows, which nobody has relayed yet: a relayed row is deleted. Not "after the last": transactions commit in another order than they took their
    /// sequence numbers in, and a cursor would pass by what is committed late (RELIABILITY, facts).
    static func oldest(in transaction: any ReadTransaction) throws -> OutboxPage {
        var page = OutboxPage()
        page.rows = try transaction.query(oldest, [.integer(Int64(rows)), .integer(Int64(bytes))], OutboxRow.init)
        page.seen = page.rows.count
        return page
    }

    /// The same where some rows have to wait: they are passed over, however many they are, without their bodies being read.
    /// - Parameter waits: whether a row of this key, type and topic has to wait.
    static func oldest(
        passingOver waits: (_ key: Identifier, _ type: String, _ topic: String?) -> Bool, in transaction: any ReadTransaction
    ) throws -> OutboxPage {
        var page = OutboxPage()
        var (free, size): ([Int64], Int) = ([], 0)
        var last = Int64.min
        var isOver = false
        while !isOver, page.seen < sight {
            var count = 0
            try transaction.fetch(heads, each: [[.integer(last), .integer(Int64(rows))]]) { head in
                count += 1
                // What stands behind a row that has no room any more waits for it.
                if isOver { return }
                last = head.integer(0)
                page.seen += 1
                if waits(head.id(2), head.text(1), head.optionalText(3)) {
                    page.passedOver.insert(head.id(2))
                } else if free.count < rows, free.isEmpty || size + Int(head.integer(4)) <= bytes {
                    free.append(head.integer(0))
                    size += Int(head.integer(4))
                } else {
                    isOver = true
                }
            }
            if count < rows { isOver = true }
        }
        page.rows = try transaction.query(single, each: free.map { [.integer($0)] }, OutboxRow.init)
        return page
    }
}
