import Storage
import Testing
import Wire

extension StorageConformance {
    func readsBesideTheWriter(_ subject: StorageSubject) async throws {
        guard subject.readsBesideWriter else { return }
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(1)) }
        let latch = Latch()
        async let holder: Void = database.write { transaction in
            try transaction.execute(Sample.insert, Sample.row(2))
            latch.pass()
        }
        await latch.isReached()
        for _ in 0..<5 { #expect(try await database.read { try Sample.count(in: $0) } == 1) }
        latch.open()
        try await holder
        #expect(try await database.read { try Sample.count(in: $0) } == 2)
        await database.close()
    }

    func consistentReads(_ subject: StorageSubject) async throws {
        guard subject.readsBesideWriter else { return }
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(1)) }
        let latch = Latch()
        async let counts = database.read { transaction in
            let before = try Sample.count(in: transaction)
            latch.pass()
            return (before, try Sample.count(in: transaction))
        }
        await latch.isReached()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(2)) }
        latch.open()
        let (before, after) = try await counts
        #expect(before == 1)
        #expect(after == 1)
        #expect(try await database.read { try Sample.count(in: $0) } == 2)
        await database.close()
    }

    func conflicts(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        try await database.write { transaction in
            let once = try transaction.executeCounting(Sample.insertNew, each: [1, 2, 1, 3].map { [.id(Sample.id($0)), .integer(5)] })
            #expect(once == [1, 1, 0, 1])
            let twice = try transaction.executeCounting(Sample.insertNew, each: [3, 4].map { [.id(Sample.id($0)), .integer(6)] })
            #expect(twice == [0, 1])
            #expect(try transaction.executeCounting(Sample.insertNew, each: []) == [])
            // More than an engine may take at once, some of them there already, and one twice.
            let sum = try transaction.executeSumming(Sample.insertNew, each: ((3...23) + [23]).map { [.id(Sample.id($0)), .integer(7)] })
            #expect(sum == 19)
            #expect(try transaction.executeSumming(Sample.insertNew, each: []) == 0)
        }
        #expect(try await database.read { try Sample.amount(3, in: $0) } == 5, "the row that was there stays")
        #expect(try await database.read { try Sample.amount(23, in: $0) } == 7)
        #expect(try await database.read { try Sample.count(in: $0) } == 23)
        await database.close()
    }

    func conditionalUpdates(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let counts = try await database.write { transaction in
            try transaction.execute(Sample.insert, Sample.row(1, 10))
            return try transaction.executeCounting(Sample.take, each: [4, 7, 6, 1].map { [.id(Sample.id(1)), .integer($0)] })
        }
        #expect(counts == [1, 0, 1, 0])
        #expect(try await database.read { try Sample.amount(1, in: $0) } == 0)
        await database.close()
    }

    func serials(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let keys = try await database.write { try $0.insert(Sample.insertNumbered, each: [[.text("a")], [.text("b")], [.text("c")]]) }
        #expect(keys == keys.sorted() && Set(keys).count == 3)
        let highest = keys.max() ?? 0
        _ = try await database.write { try $0.execute(Sample.deleteNumbered, each: keys.map { [.integer($0)] }) }
        let next = try await database.write { try $0.insert(Sample.insertNumbered, each: [[.text("d")]]) }
        #expect(next[0] > highest)
        await #expect(throws: Deliberate.self) {
            try await database.write {
                _ = try $0.insert(Sample.insertNumbered, each: [[.text("e")]])
                throw Deliberate(number: 1)
            }
        }
        let last = try await database.write { try $0.insert(Sample.insertNumbered, each: [[.text("f")]]) }
        #expect(last[0] > next[0])
        // More than an engine may take at once: each key is its own row's.
        let texts = (0..<21).map { "many \($0)" }
        let many = try await database.write { try $0.insert(Sample.insertNumbered, each: texts.map { [.text($0)] }) }
        #expect(many.count == texts.count && many == Set(many).sorted() && (many.first ?? 0) > last[0])
        let found = try await database.read { try $0.query(Sample.numbered, each: many.map { [.integer($0)] }) { $0.text(0) } }
        #expect(found == texts)
        await database.close()
    }

    func constraints(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(1, 1)) }
        let violations: [[SQLValue]] = [Sample.row(2, -1), Sample.row(1, 1), [.id(Sample.id(3)), .null, .null, .null]]
        for row in violations {
            let error = await #expect(throws: StorageError.self) { try await database.write { try $0.execute(Sample.insert, row) } }
            guard case .constraint(let text) = error else {
                Issue.record("\(row) gave \(String(describing: error))")
                continue
            }
            #expect(!text.isEmpty)
        }
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(9)) }
        #expect(try await database.read { try Sample.count(in: $0) } == 2)
        await database.close()
    }

    func values(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        let texts = [
            "", " ", "plain", "O'Brien; --", "gr\u{00FC}\u{00DF}e", "e\u{301}", "\u{1F469}\u{200D}\u{1F680}", "\u{10FFFF}", "line\nline\ttab",
            String(repeating: "x", count: 100_000),
        ]
        let blobs: [[UInt8]] = [[], [0], Array(0...255), [UInt8](repeating: 0, count: 70_000)]
        let integers: [Int64] = [0, 1, .max, 1 << 53 + 1]
        var expected: [(Int, Int64, String?, [UInt8]?)] = []
        for (number, text) in texts.enumerated() { expected.append((number, integers[number % integers.count], text, nil)) }
        for (number, blob) in blobs.enumerated() { expected.append((100 + number, 0, nil, blob)) }
        let rows = expected.map { Sample.row($0.0, $0.1, .optional($0.2), $0.3.map(SQLValue.bytes) ?? .null) }
        _ = try await database.write { try $0.execute(Sample.insert, each: rows) }
        for (number, amount, text, blob) in expected {
            let found = try await database.read { transaction in
                try transaction.first(Sample.get, [.id(Sample.id(number))]) {
                    ($0.integer(0), $0.optionalText(1), $0.isNull(2) ? nil : $0.bytes(2), $0.id(3), $0.isNull(1))
                }
            }
            #expect(found?.0 == amount)
            #expect(found?.1.map { Array($0.utf8) } == text.map { Array($0.utf8) }, "byte for byte, not only canonically equal")
            #expect(found?.2 == blob)
            #expect(found?.3 == Sample.id(number))
            #expect(found?.4 == (text == nil), "an empty text is not NULL")
        }
        let id = Identifier(high: .max, low: 0x8000_0000_0000_0001)
        _ = try await database.write { try $0.execute(Sample.insert, [.id(id), .integer(3), .null, .null]) }
        #expect(try await database.read { try $0.first(Sample.get, [.id(id)]) { $0.id(3) } } == id)
        let lowest = SQL("SELECT $1 + 0")
        #expect(try await database.read { try $0.first(lowest, [.integer(.min)]) { $0.integer(0) } } == .min)
        await database.close()
    }

    func parameters(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, Sample.row(1, 8)) }
        #expect(try await database.read { try $0.first(Sample.swapped, [.id(Sample.id(1)), .integer(8)]) { $0.integer(0) } } == 8)
        #expect(try await database.read { try $0.first(Sample.swapped, [.id(Sample.id(1)), .integer(9)]) { $0.integer(0) } } == nil)
        await database.close()
    }

    func wrongParameters(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        for parameters in [[], [SQLValue.id(Sample.id(1))], Sample.row(1) + [.null]] {
            let error = await #expect(throws: StorageError.self) { try await database.write { try $0.execute(Sample.insert, parameters) } }
            guard case .failed = error else {
                Issue.record("\(parameters.count) parameters gave \(String(describing: error))")
                continue
            }
        }
        let nonsense = SQL("SELECT nothing FROM nowhere")
        await #expect(throws: StorageError.self) { try await database.write { try $0.execute(nonsense) } }
        #expect(try await database.write { try $0.executeCounting(Sample.insert, Sample.row(1)) } == 1)
        await database.close()
    }

    func rows(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        _ = try await database.write { try $0.execute(Sample.insert, each: (1...5).map { Sample.row($0, Int64($0)) }) }
        let wanted = [4, 99, 1, 4]
        let found = try await database.read { try $0.query(Sample.get, each: wanted.map { [.id(Sample.id($0))] }) { $0.integer(0) } }
        #expect(found == [4, 1, 4])
        let all = SQL("SELECT amount FROM sample ORDER BY amount")
        for _ in 0..<2 {
            await #expect(throws: Deliberate(number: 2)) {
                try await database.write { transaction in
                    try transaction.fetch(all, each: [[]]) { if $0.integer(0) == 2 { throw Deliberate(number: 2) } }
                }
            }
        }
        let first = try await database.write { transaction in
            let first = try transaction.first(all) { $0.integer(0) }
            let again = try transaction.query(all) { $0.integer(0) }
            #expect(again == [1, 2, 3, 4, 5], "a query that was left early begins anew")
            return first
        }
        #expect(first == 1)
        await database.close()
    }

    func questions(_ subject: StorageSubject) async throws {
        let database = try await subject.prepared()
        try await database.write { transaction in
            try transaction.execute(Sample.insert, each: (1...3).map { Sample.row($0, Int64($0)) })
            var found: [Int64] = []
            func ask(_ numbers: [Int]) throws {
                try transaction.ask(Sample.get, each: numbers.map { [.id(Sample.id($0))] }) { found.append($0.integer(0)) }
            }
            try ask([3, 99, 1])
            try ask([])
            try ask([2])
            #expect(try transaction.executeCounting(Sample.take, [.id(Sample.id(3)), .integer(3)]) == 1)
            #expect(found == [3, 1, 2])
            try transaction.awaitAnswers()
            #expect(found == [3, 1, 2], "each is handed over once")
            try ask([3])
            try transaction.awaitAnswers()
            #expect(found == [3, 1, 2, 0])
            #expect(throws: Deliberate(number: 1)) {
                try transaction.ask(Sample.get, each: [[.id(Sample.id(1))]]) { _ in throw Deliberate(number: 1) }
                try transaction.awaitAnswers()
            }
            try transaction.awaitAnswers()
            #expect(found == [3, 1, 2, 0])
        }
        #expect(try await database.read { try Sample.count(in: $0) } == 3)
        await database.close()
    }
}
