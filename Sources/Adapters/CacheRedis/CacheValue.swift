import Storage

/// What a key of the cache holds: a letter, 16 digits of version, 16 digits of the moment until which it is fresh, and the content. Text, so that `redis-cli` shows it.
///
/// The letter is `E` for an entry, `F` for a final one, `T` for a tombstone, whose version is the lowest that may be stored.
struct CacheValue: Equatable {
    enum Kind: UInt8 {
        case entry = 69
        case final = 70
        case tombstone = 84
    }

    static let headCount = 33

    let kind: Kind
    let version: Int64
    let freshUntil: Int64
    let content: ArraySlice<UInt8>

    /// Nil for bytes that no script of ours has written.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= CacheValue.headCount, let kind = Kind(rawValue: bytes[0]), let version = CacheValue.number(bytes[1..<17]),
            let freshUntil = CacheValue.number(bytes[17..<33])
        else { return nil }
        (self.kind, self.version, self.freshUntil, content) = (kind, version, freshUntil, bytes[CacheValue.headCount...])
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            value = value * 10 + Int64(digit - 48)
        }
        return value
    }

    /// What a lookup found, at a moment of the server's clock.
    ///
    /// An end of freshness further away than any put could have set it was set before the clock was turned back: it says nothing.
    func lookup(at now: Int64, staleness: Int64) -> CacheLookup {
        let ticket = CacheTicket(moment: now)
        guard kind != .tombstone else { return CacheLookup(entry: nil, isFresh: false, ticket: ticket) }
        let isFresh = kind == .final || now < freshUntil && freshUntil - now <= staleness
        return CacheLookup(entry: CacheEntry(version: version, bytes: Array(content), isFinal: kind == .final), isFresh: isFresh, ticket: ticket)
    }
}
