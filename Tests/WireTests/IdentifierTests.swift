import Testing
import Wire

@Suite("Identifier")
struct IdentifierTests {
    @Test("text is read in either letter case and written in lower case")
    func text() throws {
        let id = try #require(Identifier("0199A3C4-9c00-7ABC-8def-0123456789AB"))
        #expect(id.high == 0x0199_a3c4_9c00_7abc)
        #expect(id.low == 0x8def_0123_4567_89ab)
        #expect(id.description == "0199a3c4-9c00-7abc-8def-0123456789ab")
        #expect(Identifier("00000000-0000-0000-0000-000000000000") == Identifier(high: 0, low: 0))
        #expect(Identifier("ffffffff-ffff-ffff-ffff-ffffffffffff") == Identifier(high: .max, low: .max))
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "0199a3c4-9c00-7abc-8def-0123456789a", "0199a3c4-9c00-7abc-8def-0123456789abc", "0199a3c49c007abc8def0123456789ab",
            "{199a3c4-9c00-7abc-8def-0123456789a}",
            "0199a3c4-9c00-7abc-8def-0123456789ag", "0199a3c4+9c00-7abc-8def-0123456789ab", "-199a3c4-9c00-7abc-8def-0123456789ab",
            "0199a3c4-9c00-7abc-8def-0123456789\u{E9}",
            "0199a3c49-c00-7abc-8def-0123456789ab", " 199a3c4-9c00-7abc-8def-0123456789ab", "0199a3c4-9c00-7abc-8def-0123456789a\u{0}",
        ])
    func malformed(text: String) { #expect(Identifier(text) == nil) }

    @Test("identifiers that differ little fall apart, and equal ones together")
    func hashing() {
        var counted: [Identifier] = []
        for number in UInt64(1)...4096 { counted += [Identifier(high: 7, low: number), Identifier(high: number << 16, low: 0)] }
        let places = Set(counted.map { $0._rawHashValue(seed: 3) & 0xFFFF })
        // 7,700 on average for 8,192 identifiers that fall anywhere.
        #expect(places.count > 2000)
        for id in counted { #expect(id._rawHashValue(seed: 5) == Identifier(high: id.high, low: id.low)._rawHashValue(seed: 5)) }
        #expect(Set(counted).count == counted.count)
    }

    @Test("every value survives the way through text and bytes, and is ordered as its text and bytes are")
    func roundTrip() {
        var random = SystemRandomNumberGenerator()
        var last = Identifier(high: 0, low: 0)
        for _ in 0..<2000 {
            let id = Identifier(high: Bool.random() ? random.next() : last.high, low: random.next())
            #expect(Identifier(id.description) == id)
            var text: [UInt8] = []
            id.append(to: &text)
            #expect(String(decoding: text, as: UTF8.self) == id.description)
            #expect(id.digits == id.description.filter { $0 != "-" })
            let bytes = withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { Array($0) }
            #expect(bytes.withUnsafeBytes { Identifier(bytes: $0) } == id)
            #expect((id < last) == (Array(id.description.utf8).lexicographicallyPrecedes(Array(last.description.utf8))))
            last = id
        }
        #expect([UInt8](repeating: 0, count: 15).withUnsafeBytes { Identifier(bytes: $0) } == nil)
        #expect([UInt8]().withUnsafeBytes { Identifier(bytes: $0) } == nil)
    }

    @Test("the lower bound of a moment lies between what was made before it and what is made at it")
    func lowerBound() {
        for milliseconds in [0, 1, 1_763_730_000_000, 253_402_300_799_999] as [Int64] {
            var generator = IdentifierGenerator()
            let before = generator.next(now: Timestamp(milliseconds: milliseconds - 1), random: .max)
            let at = generator.next(now: Timestamp(milliseconds: milliseconds), random: 0)
            let bound = Identifier.lowerBound(of: Timestamp(milliseconds: milliseconds))
            #expect(bound <= at)
            if milliseconds > 1 { #expect(before < bound) }
        }
        #expect(Identifier.lowerBound(of: Timestamp(milliseconds: -5)) == Identifier(high: 0, low: 0))
    }
}

@Suite("Identifier generator")
struct IdentifierGeneratorTests {
    @Test("identifiers increase strictly, though the clock stands, steps back, or is outrun")
    func increasing() {
        var generator = IdentifierGenerator()
        var random = SystemRandomNumberGenerator()
        var last = Identifier(high: 0, low: 0)
        let moments = [Int64](repeating: 5000, count: 10_000) + [4000, 1, -1, 5001, 5003, 5003, 5002, 9000] + [Int64](repeating: 8999, count: 5000)
        for moment in moments {
            let id = generator.next(now: Timestamp(milliseconds: moment), random: random.next())
            #expect(last < id)
            last = id
        }
    }

    @Test("version, variant and time stand where RFC 9562 puts them", arguments: [UInt64.min, .max, 0x5555_5555_5555_5555])
    func layout(random: UInt64) {
        var generator = IdentifierGenerator()
        for _ in 0..<5000 {
            let id = generator.next(now: Timestamp(milliseconds: 1_763_730_000_000), random: random)
            #expect(id.high >> 12 & 0xF == 7)
            #expect(id.low >> 62 == 0b10)
            #expect((1_763_730_000_000...1_763_730_000_001).contains(id.milliseconds))
        }
    }
}
