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
    /// How many events of a delivery wait for their acknowledgement, where it has several.
    private var parts: [UInt64: Int] = [:]

    /// How many deliveries the broker waits for.
    var outstanding: Int { Int(delivered + 1 - lowest) }

    /// Notes a delivery. Tags of a channel count up from 1.
    /// - Parameter count: how many events it carries; it is acknowledged when each of them was.
    mutating func deliver(_ tag: UInt64, events count: Int = 1) {
        delivered = max(delivered, tag)
        if count > 1 { parts[tag] = count }
    }

    /// Notes that deliveries were acknowledged: a tag for each of their events.
    /// - Returns: the tag up to which the broker is to be told; nil when there is nothing new to tell.
    mutating func acknowledge(_ tags: [UInt64]) -> UInt64? {
        let before = lowest
        for tag in tags where tag >= lowest && tag <= delivered && isLastPart(of: tag) {
            if tag == lowest { lowest += 1 } else { acknowledged.insert(tag) }
        }
        // What had a gap before it may have none any more.
        while !acknowledged.isEmpty, acknowledged.remove(lowest) != nil { lowest += 1 }
        return lowest > before ? lowest - 1 : nil
    }

    /// Counts one event of a delivery.
    private mutating func isLastPart(of tag: UInt64) -> Bool {
        guard let left = parts[tag] else { return true }
        parts[tag] = left > 1 ? left - 1 : nil
        return left <= 1
    }
}
