/// Counts of durations in buckets that are at most 1/128 of their value wide, so that a percentile is within 0.4 %, whatever the size.
///
/// Up to 255 every millisecond has its own bucket; above, each power of two is cut into 128. Integers only: the same durations give the same numbers in
/// whatever order, which a rebuild relies on.
struct LatencyHistogram: Sendable, Equatable {
    /// How many durations lie in each bucket; buckets without any are absent.
    private(set) var counts: [Int64: Int64] = [:]

    /// The bucket of a duration; negative ones, which a clock that was set back makes, count as 0.
    static func bucket(of milliseconds: Int64) -> Int64 {
        let value = max(0, milliseconds)
        let shift = max(0, 64 - Int64(value.leadingZeroBitCount) - 8)
        return shift * 128 + value >> shift
    }

    /// The middle of a bucket.
    static func middle(of bucket: Int64) -> Int64 {
        guard bucket >= 256 else { return bucket }
        let shift = (bucket - 128) / 128
        let low = (bucket - shift * 128) << shift
        return low + (1 << shift - 1) / 2
    }

    /// Adds counts to a bucket; negative ones take away.
    mutating func add(_ count: Int64, toBucket bucket: Int64) {
        let sum = (counts[bucket] ?? 0) + count
        counts[bucket] = sum == 0 ? nil : sum
    }

    /// How many durations there are.
    var count: Int64 { counts.values.reduce(0, +) }

    /// The duration that so many thousandths of all do not exceed; nil when there are none.
    func percentile(perMille: Int64) -> Int64? {
        let total = count
        guard total > 0 else { return nil }
        let rank = max(1, (total * perMille + 999) / 1000)
        var seen: Int64 = 0
        for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
            seen += count
            if seen >= rank { return LatencyHistogram.middle(of: bucket) }
        }
        return nil
    }
}
