import Resilience

/// Commands that belong together, and what is to be done with their replies.
struct RedisRequest: Sendable {
    let commands: [RedisCommand]
    /// When nobody wants the answer any more; of ``Uptime``.
    let deadline: UInt64
    /// Whether it outlives a lost connection: it is worth sending also when Redis is back in a moment, and may be sent twice.
    let isKept: Bool
    /// Called exactly once, on a thread of the client or on the caller's; must be quick.
    let complete: @Sendable (Result<[RedisReply], RedisError>) -> Void

    var size: Int { commands.reduce(0) { $0 + $1.size } }
}

/// The client's decisions as a value: who waits, who is refused, who is sent. The ``RedisClient`` performs them outside of its lock.
///
/// Requests wait in one line for any of the connections. While there is none, or the breaker is open, nobody is let wait but those that are kept, and they no longer
/// than their own deadline and up to the bound of the line.
struct RequestQueue {
    /// What a connection is to send, and what has waited for too long.
    struct Work {
        var batch: [RedisRequest] = []
        var expired: [RedisRequest] = []
    }

    /// The bytes after which a batch takes no more requests.
    private static let maximumBytes = 1 << 20

    private let maximumWaiting: Int
    private let maximumBatch: Int
    private var waiting: [RedisRequest] = []
    private(set) var breaker: CircuitBreaker
    /// Connections that are up.
    private(set) var connections = 0
    /// Requests that have been sent and not answered.
    private(set) var inFlight = 0
    private(set) var isClosed = false

    init(_ configuration: RedisConfiguration) {
        (maximumWaiting, maximumBatch) = (max(1, configuration.maximumWaiting), max(1, configuration.maximumBatch))
        breaker = CircuitBreaker(configuration: configuration.breaker)
    }

    var isAway: Bool { connections == 0 || breaker.state == .open }
    var isIdle: Bool { waiting.isEmpty && inFlight == 0 }
    var waitingCount: Int { waiting.count }

    /// Lets a request wait for its turn.
    /// - Returns: why not, where it may not.
    mutating func submit(_ request: RedisRequest) -> RedisError? {
        if isClosed { return .closed }
        if isAway, !request.isKept { return .away }
        guard waiting.count < maximumWaiting else { return .overloaded }
        waiting.append(request)
        return nil
    }

    /// The next requests for a connection; nil where none waits.
    mutating func take(at now: UInt64) -> Work? {
        guard !waiting.isEmpty else { return nil }
        var work = Work()
        var (index, bytes) = (0, 0)
        while index < waiting.count, work.batch.count < maximumBatch, bytes < RequestQueue.maximumBytes {
            let request = waiting[index]
            index += 1
            if request.deadline <= now {
                work.expired.append(request)
            } else {
                work.batch.append(request)
                bytes += request.size
            }
        }
        if index == waiting.count { waiting = [] } else { waiting.removeFirst(index) }
        inFlight += work.batch.count
        return work
    }

    /// Requests are sent that have not waited.
    mutating func began(_ count: Int) { inFlight += count }

    /// A batch was answered.
    mutating func finish(_ count: Int, at now: Int64, begunAt begun: Int64) {
        inFlight -= count
        breaker.recordSuccess(at: now, begunAt: begun)
    }

    /// Whether a connection may be tried now, or in how many milliseconds to ask again.
    mutating func admission(at now: Int64) -> CircuitBreaker.Admission { breaker.admission(at: now) }

    mutating func connected(at now: Int64, begunAt begun: Int64) {
        connections += 1
        breaker.recordSuccess(at: now, begunAt: begun)
    }

    /// No connection came about.
    /// - Returns: requests that wait for nothing now.
    mutating func connectFailed(at now: Int64, begunAt begun: Int64) -> [RedisRequest] {
        breaker.recordFailure(at: now, begunAt: begun)
        return isAway ? removeHopeless(at: now) : []
    }

    /// A connection is gone, with requests that were not answered; those that are kept wait again, before all others.
    /// - Returns: requests that will not be answered.
    mutating func lost(_ batch: [RedisRequest], at now: Int64, begunAt begun: Int64) -> [RedisRequest] {
        connections -= 1
        inFlight -= batch.count
        breaker.recordFailure(at: now, begunAt: begun)
        let kept = batch.filter(\.isKept)
        let room = isClosed ? 0 : max(0, maximumWaiting - waiting.count)
        waiting.insert(contentsOf: kept.prefix(room), at: 0)
        let gone = batch.filter { !$0.isKept } + kept.dropFirst(room)
        return gone + (isAway ? removeHopeless(at: now) : [])
    }

    /// A connection was ended by ourselves.
    mutating func ended() { connections -= 1 }

    /// Lets nobody wait any more; who waits is served if anybody is there to serve.
    mutating func close() -> [RedisRequest] {
        isClosed = true
        return connections == 0 ? removeAll() : []
    }

    /// Empties the line.
    mutating func removeAll() -> [RedisRequest] {
        defer { waiting = [] }
        return waiting
    }

    private mutating func removeHopeless(at now: Int64) -> [RedisRequest] {
        let uptime = UInt64(max(0, now)) * 1_000_000
        if isClosed { return removeAll() }
        let hopeless = waiting.filter { !$0.isKept || $0.deadline <= uptime }
        waiting.removeAll { !$0.isKept || $0.deadline <= uptime }
        return hopeless
    }
}
