/// What of a channel's deliveries was acknowledged. A pure value.
///
/// The consumer may acknowledge in any order; the broker is told of what has no gap before it, so one acknowledgement covers many deliveries, and nothing is
/// confirmed that an earlier one of the same partition still waits for.
struct AckLedger {
    /// Everything before this tag is acknowledged.
    private(set) var lowest: UInt64 = 1
    /// The newest delivery; 0 before the first.
    private(set) var delivered: UInt64 = 0
    /// What was acknowledged after a gap.
    private var acknowledged: Set<UInt64> = []

    /// How many deliveries the broker waits for.
    var outstanding: Int { Int(delivered + 1 - lowest) }

    /// Notes a delivery. Tags of a channel count up from 1.
    mutating func deliver(_ tag: UInt64) { delivered = max(delivered, tag) }

    /// Notes that deliveries were acknowledged.
    /// - Returns: the tag up to which the broker is to be told; nil when there is nothing new to tell.
    mutating func acknowledge(_ tags: [UInt64]) -> UInt64? {
        let before = lowest
        for tag in tags where tag >= lowest && tag <= delivered { if tag == lowest { lowest += 1 } else { acknowledged.insert(tag) } }
        // What had a gap before it may have none any more.
        while !acknowledged.isEmpty, acknowledged.remove(lowest) != nil { lowest += 1 }
        return lowest > before ? lowest - 1 : nil
    }
}
