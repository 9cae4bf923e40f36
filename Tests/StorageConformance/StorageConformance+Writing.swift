import Storage
import Testing
import Wire

/// The table that the checks write to.
enum Sample {
    static let migration = Migration(
        version: 1, name: "sample",
        statements: [
            "CREATE TABLE sample (id {id} PRIMARY KEY, amount {int} NOT NULL CHECK (amount >= 0), note {text}, data {bytes}) {clustered}",
            "CREATE TABLE numbered (number {serial}, note {text} NOT NULL) {heap}",
        ])
    static let insert = SQL("INSERT INTO sample (id, amount, note, data) VALUES ($1, $2, $3, $4)")
    static let insertNew = SQL("INSERT INTO sample (id, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING")
    static let take = SQL("UPDATE sample SET amount = amount - $2 WHERE id = $1 AND amount >= $2")
    static let add = SQL("UPDATE sample SET amount = amount + 1 WHERE id = $1")
    static let get = SQL("SELECT amount, note, data, id FROM sample WHERE id = $1")
    static let count = SQL("SELECT count(*) FROM sample")
    static let insertNumbered = SQL("INSERT INTO numbered (note) VALUES ($1)")
    static let numbered = SQL("SELECT note FROM numbered WHERE number = $1")
    static let deleteNumbered = SQL("DELETE FROM numbered WHERE number = $1")
    static let swapped = SQL("SELECT amount FROM sample WHERE amount >= $2 AND id = $1 AND amount >= $2")

    static func id(_ number: Int) -> Identifier { Identifier(high: 7, low: UInt64(number)) }
    static func row(_ number: Int, _ amount: Int64 = 0, _ note: SQLValue = .null, _ data: SQLValue = .null) -> [SQLValue] {
        [.id(id(number)), .integer(amount), note, data]
    }
    static func count(in transaction: any ReadTransaction) throws -> Int64 { try transaction.first(count) { $0.integer(0) } ?? -1 }
    static func amount(_ number: Int, in transaction: any ReadTransaction) throws -> Int64? {
        try transaction.first(get, [.id(id(number))]) { $0.integer(0) }
    }
}

struct Deliberate: Error, Equatable { let number: Int }

extension StorageSubject {
    func prepared() async throws -> any Database {
        try await database.migrate([Sample.migration], owner: "conformance")
        return database
    }
}

extension StorageConformance {
    func visibility(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        for number in 1...20 {
            let changed = try await database.write { try $0.executeCounting(Sample.insert, Sample.row(number, Int64(number))) }
            #expect(changed == 1)
            #expect(try await database.read { try Sample.amount(number, in: $0) } == Int64(number))
            #expect(try await database.write { try Sample.count(in: $0) } == Int64(number))
        }
        #expect(try await database.read { try Sample.amount(21, in: $0) } == nil)
        await database.close()
    }

    func isolationOfFailures(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let writes: [@Sendable (any Transaction) throws -> Int] = (0..<9).map { number in
            { transaction in
                try transaction.execute(Sample.insert, Sample.row(number))
                if number % 3 == 1 { throw Deliberate(number: number) }
                return number * 10
            }
        }
        for (number, result) in try await subject.together(writes).enumerated() {
            switch result {
            case .success(let value):
                #expect(number % 3 != 1)
                #expect(value == number * 10)
            case .failure(let error): #expect(error as? Deliberate == (number % 3 == 1 ? Deliberate(number: number) : nil))
            }
        }
        for number in 0..<9 {
            let isThere = try await database.read { try Sample.amount(number, in: $0) } != nil
            #expect(isThere == (number % 3 != 1), "row \(number)")
        }
        await database.close()
    }

    func manyWriters(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(0)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...1000 {
                group.addTask {
                    try await database.write { transaction in
                        try transaction.execute(Sample.insert, Sample.row(number))
                        try transaction.execute(Sample.add, [.id(Sample.id(0))])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.read { try Sample.amount(0, in: $0) } == 1000)
        #expect(try await database.read { try Sample.count(in: $0) } == 1001)
        await database.close()
    }

    /// Bodies and commits are noted as they happen: in one transaction all bodies come before the first commit.
    func groupCommit(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let steps = Notes<String>()
        let writes: [@Sendable (any Transaction) throws -> Void] = (0..<50).map { number in
            { transaction in
                steps.add("body")
                try transaction.execute(Sample.insert, Sample.row(number))
                transaction.onCommit { steps.add("commit") }
            }
        }
        for result in try await subject.together(writes) { try result.get() }
        let all = steps.all
        let groups = zip(all, all.dropFirst()).filter { $0.0 == "body" && $0.1 == "commit" }.count
        #expect(all.count == 100)
        #expect(groups < 10, "50 writes that waited together took \(groups) transactions")
        await database.close()
    }

    func commitActions(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let told = Notes<Int>()
        let writes: [@Sendable (any Transaction) throws -> Void] = (0..<30).map { number in
            { transaction in
                transaction.onCommit { told.add(number * 2) }
                try transaction.execute(Sample.insert, Sample.row(number))
                transaction.onCommit { told.add(number * 2 + 1) }
                if number % 10 == 5 { throw Deliberate(number: number) }
            }
        }
        _ = try await subject.together(writes)
        let committed = Array(0..<30).filter { $0 % 10 != 5 }
        #expect(told.all == committed.flatMap { (number: Int) -> [Int] in [number * 2, number * 2 + 1] })
        try await database.write { $0.onCommit { told.add(-1) } }
        #expect(told.all.last == -1, "the action of a write has run when its caller goes on")
        await database.close()
    }

    func closing(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let latch = Latch()
        async let first: Void = database.write { transaction in
            latch.pass()
            try transaction.execute(Sample.insert, Sample.row(1))
        }
        await latch.isReached()
        async let second = database.write { try $0.executeCounting(Sample.insert, Sample.row(2)) }
        while subject.waitingWrites() < 1 { await Task.yield() }
        async let closed: Void = database.close()
        if subject.readsBesideWriter {
            // Reads go on until the close has begun; from then on nothing new is taken, and what was queued is still to be done.
            await #expect(throws: StorageError.closed) { while true { _ = try await database.read { _ in 0 } } }
            await #expect(throws: StorageError.closed) { try await database.write { _ in } }
        }
        latch.open()
        try await first
        #expect(try await second == 1)
        await closed
        await #expect(throws: StorageError.closed) { try await database.write { _ in } }
        await #expect(throws: StorageError.closed) { try await database.read { _ in } }
    }

    func overload(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let latch = Latch()
        async let holder: Void = database.write { _ in latch.pass() }
        await latch.isReached()
        try await withThrowingTaskGroup(of: Int64?.self) { group in
            for number in 0..<10 {
                group.addTask {
                    do {
                        return try await database.write { try $0.executeCounting(Sample.insert, Sample.row(number)) == 1 ? Int64(number) : nil }
                    } catch StorageError
                        .overloaded
                    {
                        return nil
                    }
                }
            }
            for _ in 0..<7 { #expect(try await group.next() == .some(nil), "of ten writes and a bound of three, seven are refused at once") }
            latch.open()
            var done = 0
            for try await result in group where result != nil { done += 1 }
            #expect(done == 3)
        }
        try await holder
        #expect(try await database.read { try Sample.count(in: $0) } == 3)
        await database.close()
    }
}
