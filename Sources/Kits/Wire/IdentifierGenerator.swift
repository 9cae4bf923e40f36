/// Makes version 7 UUIDs (RFC 9562, 5.7) that increase strictly within one generator, also when the clock stands still or steps back.
///
/// A pure value: time and randomness are passed in, so that a simulation with the same seed makes the same identifiers.
public struct IdentifierGenerator: Sendable {
    private var lastMilliseconds: Int64 = 0
    /// RFC 9562, 6.2 method 1: a 12-bit counter in `rand_a`; an overflow moves on to the next millisecond.
    private var counter: UInt64 = 0

    /// A generator that has made nothing yet.
    public init() {}

    /// The next identifier.
    /// - Parameters:
    ///   - now: the caller's clock.
    ///   - random: 64 fresh random bits, of which 62 are used.
    public mutating func next(now: Timestamp, random: UInt64) -> Identifier {
        if now.milliseconds > lastMilliseconds {
            lastMilliseconds = now.milliseconds
            counter = 0
        } else if counter == 0xFFF {
            lastMilliseconds += 1
            counter = 0
        } else {
            counter += 1
        }
        return Identifier(high: UInt64(lastMilliseconds) << 16 | 0x7000 | counter, low: random >> 2 | 0x8000_0000_0000_0000)
    }
}
