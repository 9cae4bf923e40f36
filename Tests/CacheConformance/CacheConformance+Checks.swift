import Storage
import Testing

extension CacheConformance {
    func missing(_ subject: CacheSubject) async throws {
        let lookup = await subject.cache.get("nobody's")
        #expect(lookup.entry == nil)
        #expect(!lookup.isFresh)
        let earlier = try #require(lookup.ticket)
        #expect(try await subject.ticket().moment >= earlier.moment)
    }

    func contents(_ subject: CacheSubject) async throws {
        let all = Array(UInt8.min...UInt8.max)
        for (index, bytes) in [[], [0], all, all + [13, 10] + all, Array(repeating: 7, count: 200_000)].enumerated() {
            let entry = CacheEntry(version: Int64(index), bytes: bytes, isFinal: index % 2 == 0)
            subject.cache.put("bytes \(index) ü\r\n", entry, ticket: try await subject.ticket())
            try await subject.settle()
            let lookup = await subject.cache.get("bytes \(index) ü\r\n")
            #expect(lookup.entry == entry)
            #expect(lookup.isFresh)
        }
    }

    func newerWins(_ subject: CacheSubject) async throws {
        try await subject.put("a", 2, "two")
        try await subject.put("a", 1, "one")
        #expect(await subject.stored("a") == "2 two")
        try await subject.put("a", 3, "three")
        #expect(await subject.stored("a") == "3 three")
        try await subject.put("a", 0, "nought")
        #expect(await subject.stored("a") == "3 three")
        try await subject.put("b", CacheEntry.versions.upperBound, "last")
        try await subject.put("b", CacheEntry.versions.upperBound - 1, "last but one")
        #expect(await subject.stored("b") == "\(CacheEntry.versions.upperBound) last")
        #expect(subject.cache.statistics.refused == 3)
    }

    func renewal(_ subject: CacheSubject) async throws {
        let early = try await subject.ticket()
        try await eventually("the clock goes on") { try await subject.ticket().moment > early.moment }
        let late = try await subject.ticket()
        try await subject.put("a", 1, "late", ticket: late)
        try await subject.put("a", 1, "early", ticket: early)
        try await subject.put("a", 1, "late as well", ticket: late)
        #expect(await subject.stored("a") == "1 late")
        try await eventually("the clock goes on") { try await subject.ticket().moment > late.moment }
        try await subject.put("a", 1, "later")
        #expect(await subject.stored("a") == "1 later")
    }

    func invalidation(_ subject: CacheSubject) async throws {
        for key in ["older", "equal", "newer"] { try await subject.put(key, 5, key) }
        try await subject.invalidate(("older", 6), ("equal", 5), ("newer", 4), ("unknown", 1))
        #expect(await subject.stored("older") == nil)
        #expect(await subject.stored("equal") == "5 equal")
        #expect(await subject.stored("newer") == "5 newer")
        #expect(await subject.stored("unknown") == nil)
        #expect(await subject.cache.get("older").ticket != nil)
    }

    func tombstone(_ subject: CacheSubject) async throws {
        try await subject.invalidate(("a", 7))
        try await subject.put("a", 6, "six")
        #expect(await subject.stored("a") == nil)
        try await subject.put("a", 7, "seven")
        #expect(await subject.stored("a") == "7 seven")
        try await subject.put("a", 6, "six")
        #expect(await subject.stored("a") == "7 seven")
    }

    func floorsRise(_ subject: CacheSubject) async throws {
        try await subject.invalidate(("a", 7))
        try await subject.invalidate(("a", 3))
        try await subject.put("a", 5, "five")
        #expect(await subject.stored("a") == nil)
        try await subject.invalidate(("a", 9), ("a", 8))
        try await subject.put("a", 8, "eight")
        #expect(await subject.stored("a") == nil)
    }

    func manyFloors(_ subject: CacheSubject) async throws {
        let ticket = try await subject.ticket()
        for index in 0..<300 { subject.cache.put("\(index)", CacheEntry(version: 10, bytes: [1]), ticket: ticket) }
        try await subject.settle()
        subject.cache.invalidate((0..<1000).map { CacheFloor(key: "\($0)", version: $0 % 2 == 0 ? 10 : 11) })
        subject.cache.invalidate([])
        try await subject.settle()
        for index in 0..<300 { #expect(await (subject.cache.get("\(index)").entry != nil) == (index % 2 == 0)) }
    }

    func staleness(_ subject: CacheSubject) async throws {
        for text in ["first", "again"] {
            let ticket = try await subject.store("a", 1, text)
            try await eventually("the entry is stale") {
                let lookup = await subject.cache.get("a")
                let age = try #require(lookup.ticket).moment - ticket.moment
                #expect(lookup.isFresh == (age < 200), "by the clock of the cache, to the millisecond")
                return !lookup.isFresh
            }
            #expect(await subject.stored("a") == "1 \(text)")
        }
    }

    func finality(_ subject: CacheSubject) async throws {
        try await subject.store("final", 1, "a", isFinal: true)
        try await subject.store("usual", 1, "a")
        try await eventually("the usual entry is stale") { await !subject.cache.get("usual").isFresh }
        #expect(await subject.cache.get("final").isFresh)
        #expect(await subject.cache.get("final").entry?.isFinal == true)
        try await subject.invalidate(("final", 2))
        #expect(await subject.stored("final") == nil)
    }

    func exactness(_ subject: CacheSubject) async throws {
        try await subject.store("usual", 1, "a")
        try await subject.store("final", 1, "a", isFinal: true)
        #expect(await subject.stored("usual") == "1 a")
        #expect(await !subject.cache.get("usual").isFresh)
        #expect(await subject.cache.get("final").isFresh)
    }

    func oldTickets(_ subject: CacheSubject) async throws {
        let ticket = try await subject.ticket()
        try await eventually("the ticket has run out") { try await subject.ticket().moment - ticket.moment > 1000 }
        try await subject.put("a", 1, "late", ticket: ticket)
        #expect(await subject.stored("a") == nil)
        #expect(subject.cache.statistics.refused == 1)
    }

    func foreignTickets(_ subject: CacheSubject) async throws {
        let ticket = try await subject.ticket()
        for moment in [ticket.moment + 3_600_000, -1] { try await subject.put("a", 1, "foreign", ticket: CacheTicket(moment: moment)) }
        #expect(await subject.stored("a") == nil)
        #expect(subject.cache.statistics.stored == 0)
    }

    func lifetimes(_ subject: CacheSubject) async throws {
        try await subject.store("entry", 1, "a")
        try await eventually("the entry is gone") { await subject.cache.get("entry").entry == nil }
        // A tombstone outlives a ticket, which is good for a second.
        let begin = try await subject.ticket()
        try await subject.invalidate(("grave", 5))
        try await eventually("the tombstone is gone") {
            let before = subject.cache.statistics.stored
            try await subject.put("grave", 4, "a")
            return subject.cache.statistics.stored > before
        }
        let age = try await subject.ticket().moment - begin.moment
        #expect(age >= 1000)
    }

    func bounds(_ subject: CacheSubject) async throws {
        let ticket = try await subject.ticket()
        subject.cache.put("large", CacheEntry(version: 1, bytes: Array(repeating: 1, count: 256 << 10)), ticket: ticket)
        subject.cache.put("too large", CacheEntry(version: 1, bytes: Array(repeating: 1, count: 256 << 10 + 1)), ticket: ticket)
        subject.cache.put("negative", CacheEntry(version: -1, bytes: [1]), ticket: ticket)
        subject.cache.put("beyond", CacheEntry(version: .max, bytes: [1]), ticket: ticket)
        subject.cache.invalidate([CacheFloor(key: "beyond", version: .max), CacheFloor(key: "negative", version: .min)])
        try await subject.settle()
        #expect(await subject.cache.get("large").entry?.bytes.count == 256 << 10)
        for key in ["too large", "negative", "beyond"] { #expect(await subject.cache.get(key).entry == nil) }
        #expect(subject.cache.statistics.dropped == 3)
    }

    func concurrency(_ subject: CacheSubject) async throws {
        let cache = subject.cache
        await withTaskGroup { group in
            for worker in 0..<20 {
                group.addTask {
                    for round in 0..<50 {
                        guard let ticket = await cache.get("a").ticket else { continue }
                        let version = Int64((worker * 7 + round * 13) % 1000)
                        cache.put("a", CacheEntry(version: version, bytes: Array("\(version)".utf8)), ticket: ticket)
                        if round % 10 == worker % 10 { cache.invalidate([CacheFloor(key: "a", version: version)]) }
                    }
                }
            }
        }
        try await subject.put("a", 1000, "1000")
        #expect(await subject.stored("a") == "1000 1000")
        #expect(cache.statistics.failures == 0)
    }

    func closing(_ subject: CacheSubject) async throws {
        try await subject.put("a", 1, "a")
        let ticket = try await subject.ticket()
        await subject.cache.close()
        #expect(await subject.cache.get("a") == .away)
        subject.cache.put("a", CacheEntry(version: 2, bytes: []), ticket: ticket)
        subject.cache.invalidate([CacheFloor(key: "a", version: 3)])
        await subject.cache.close()
        #expect(await subject.cache.get("a") == .away)
    }
}
