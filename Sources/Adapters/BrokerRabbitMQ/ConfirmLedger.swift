/// Which of the messages of one publication the broker has confirmed. A pure value; messages are named by their index, and by the tag that the channel's count
/// of publications gives them.
struct ConfirmLedger {
    /// The tag of the first message.
    private let firstTag: UInt64
    /// By index: whether it was settled.
    private var isSettled: [Bool] = []
    /// Everything before this index is settled.
    private var settledBefore = 0

    /// How many were sent and not settled.
    private(set) var unsettled = 0
    /// How many the broker could not take.
    private(set) var refused = 0
    /// The messages that led to no queue, and why.
    private(set) var returned: [(index: Int, reason: String)] = []

    /// A ledger of messages that are about to be sent.
    /// - Parameter firstTag: one more than the messages that were ever sent on the channel.
    init(firstTag: UInt64) { self.firstTag = firstTag }

    /// The indexes that were sent and not settled, in order.
    var open: [Int] { (settledBefore..<isSettled.count).filter { !isSettled[$0] } }
    var sent: Int { isSettled.count }
    /// The tag of the message that is sent next.
    var nextTag: UInt64 { firstTag + UInt64(isSettled.count) }

    /// Notes that the next message was sent.
    mutating func send() {
        isSettled.append(false)
        unsettled += 1
    }

    /// Notes a confirmation. What does not belong here, because it is of an earlier publication, is ignored.
    /// - Returns: the indexes that it settled.
    mutating func settle(tag: UInt64, isMultiple: Bool, isAccepted: Bool) -> [Int] {
        guard tag >= firstTag, tag < nextTag else { return [] }
        let last = Int(tag - firstTag)
        let settled = (isMultiple ? min(settledBefore, last) : last)...last
        let indexes = settled.filter { !isSettled[$0] }
        for index in indexes { isSettled[index] = true }
        unsettled -= indexes.count
        if !isAccepted { refused += indexes.count }
        while settledBefore < isSettled.count, isSettled[settledBefore] { settledBefore += 1 }
        return indexes
    }

    /// Notes that a message led to no queue. Its confirmation still follows.
    mutating func sendBack(_ index: Int, reason: String) { returned.append((index, reason)) }
}
