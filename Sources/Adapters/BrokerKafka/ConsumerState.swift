import DequeModule
import Messaging

/// What a member of a group knows: its partitions, what waits to be taken, what was taken and acknowledged. A value that the subscription keeps under a lock;
/// the library and its thread are outside.
struct ConsumerState {
    /// A partition while it is with this member.
    struct Place: Sendable {
        let topic: String
        let number: Int32
        let session: Int64
        /// `orders/3`, as deliveries name it.
        var name: String { "\(topic)/\(number)" }
    }

    /// A position of the group: the first message that it has not applied.
    struct Position: Sendable, Equatable {
        let topic: String
        let number: Int32
        let offset: Int64
    }

    private struct Share {
        let place: Place
        /// The last position of each batch that was taken, in order, and whether it is acknowledged. A batch behind one that is not must wait: a committed position
        /// acknowledges everything before it.
        var taken: Deque<(last: Int64, isAcknowledged: Bool)> = []
        var acknowledged: Int64 = -1
        /// How much of that was handed out to be committed.
        var handedOut: Int64 = -1
    }

    private var shares: [Int64: Share] = [:]
    private var waiting: Deque<BrokerDelivery> = []
    private var waitingBytes = 0
    private let maximumMessages: Int
    private let maximumBytes: Int
    /// Whether the thread has stopped reading because too much waits.
    private var isFull = false

    init(maximumMessages: Int, maximumBytes: Int) { (self.maximumMessages, self.maximumBytes) = (maximumMessages, maximumBytes) }

    /// How many messages wait to be taken.
    var held: Int { waiting.count }
    /// Whether the member has any partition.
    var isAssigned: Bool { !shares.isEmpty }

    /// How many more messages may wait; none as soon as their bytes are too many. The thread goes on when ``take(limit:)`` tells it to.
    mutating func room() -> Int {
        let room = waitingBytes < maximumBytes ? maximumMessages - waiting.count : 0
        isFull = room <= 0
        return max(0, room)
    }

    mutating func begin(_ place: Place) { shares[place.session] = Share(place: place) }

    /// Ends the sessions of partitions: nothing that waits of them is given out any more.
    /// - Returns: what of them is acknowledged and was not handed out.
    mutating func end(_ sessions: some Sequence<Int64>) -> [Position] {
        let ended = sessions.compactMap { shares.removeValue(forKey: $0) }
        waiting.removeAll { shares[$0.session] == nil }
        waitingBytes = waiting.reduce(0) { $0 + ConsumerState.bytes($1) }
        return ended.compactMap(ConsumerState.due)
    }

    mutating func endAll() -> [Position] { end(Array(shares.keys)) }

    /// Adds what has arrived, unless its session has ended meanwhile.
    mutating func arrive(_ deliveries: [BrokerDelivery]) {
        for delivery in deliveries where shares[delivery.session] != nil {
            waiting.append(delivery)
            waitingBytes += ConsumerState.bytes(delivery)
        }
    }

    /// Takes what has waited longest.
    /// - Returns: the messages, and whether there is room again for a thread that had stopped.
    mutating func take(limit: Int) -> (deliveries: [BrokerDelivery], hasRoom: Bool) {
        let count = min(max(1, limit), waiting.count)
        let deliveries = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        for (session, last) in ConsumerState.lasts(of: deliveries) { shares[session]?.taken.append((last, false)) }
        for delivery in deliveries { waitingBytes -= ConsumerState.bytes(delivery) }
        let hasRoom = isFull && waiting.count <= maximumMessages / 2 && waitingBytes <= maximumBytes / 2
        if hasRoom { isFull = false }
        return (deliveries, hasRoom)
    }

    /// Notes that a batch, all that was taken at once, is durable. What belongs to a session that has ended is not noted.
    /// - Returns: whether there is a position to hand out that there was not before.
    mutating func acknowledge(_ deliveries: [BrokerDelivery]) -> Bool {
        var hasProgress = false
        for (session, last) in ConsumerState.lasts(of: deliveries) {
            guard var share = shares[session], let index = share.taken.firstIndex(where: { $0.last == last }) else { continue }
            share.taken[index].isAcknowledged = true
            while let first = share.taken.first, first.isAcknowledged {
                share.acknowledged = first.last + 1
                share.taken.removeFirst()
                hasProgress = true
            }
            shares[session] = share
        }
        return hasProgress
    }

    /// Hands out what is acknowledged, once.
    mutating func takeDue() -> [Position] {
        let due = shares.values.compactMap(ConsumerState.due)
        for (session, share) in shares { shares[session]?.handedOut = share.acknowledged }
        return due
    }

    private static func due(_ share: Share) -> Position? {
        share.acknowledged > share.handedOut ? Position(topic: share.place.topic, number: share.place.number, offset: share.acknowledged) : nil
    }

    /// The last position of each session.
    private static func lasts(of deliveries: [BrokerDelivery]) -> [Int64: Int64] {
        var lasts: [Int64: Int64] = [:]
        for delivery in deliveries { lasts[delivery.session] = max(delivery.position, lasts[delivery.session] ?? delivery.position) }
        return lasts
    }

    /// What a message takes in memory, roughly.
    private static func bytes(_ delivery: BrokerDelivery) -> Int { delivery.message.body.count + 512 }
}
