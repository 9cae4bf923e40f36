import NIOCore

/// A pool's decisions as a value: who gets which connection. The pool performs the returned actions outside its lock.
///
/// Invariants: `open <= maximum`; nobody waits while a connection is idle or may still be opened.
struct PoolState<Connection: AnyObject & Sendable> {
    /// What the pool does after a decision.
    enum Action {
        case none
        case start(Exchange, Connection)
        case connect(Exchange)
        case refuse(Exchange, ClientError)
        case close([Connection], refused: [Exchange])
        /// The last connection of a pool that was shut down is gone.
        case drained([CheckedContinuation<Void, Never>])
    }

    private let maximum: Int
    private let maximumWaiting: Int
    /// Used as a stack: the connection used last is the least likely to have been closed by the server.
    private var idle: [Connection] = []
    private var waiting = CircularBuffer<Exchange>()
    private var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    private var isShutDown = false
    /// Whether those who wait do so in the order of their deadlines, as they do when all have the same timeout: then only the first need be looked at.
    private var isOrdered = true
    /// Connections that are open or being opened.
    private(set) var open = 0

    init(maximum: Int, maximumWaiting: Int) {
        self.maximum = maximum
        self.maximumWaiting = maximumWaiting
    }

    /// A new request, or one that found its connection closed before anything was sent.
    mutating func submit(_ exchange: Exchange) -> Action {
        if isShutDown { return .refuse(exchange, .shutDown) }
        if let connection = idle.popLast() { return .start(exchange, connection) }
        if open < maximum {
            open += 1
            return .connect(exchange)
        }
        if waiting.count >= maximumWaiting { return .refuse(exchange, .tooManyWaiting(waiting.count)) }
        if waiting.isEmpty { isOrdered = true } else if let last = waiting.last, exchange.deadline < last.deadline { isOrdered = false }
        waiting.append(exchange)
        return .none
    }

    /// A connection has finished an exchange and can take the next.
    mutating func connectionIsFree(_ connection: Connection) -> Action {
        if let exchange = nextWaiting() { return .start(exchange, connection) }
        if isShutDown { return .close([connection], refused: []) }
        idle.append(connection)
        return .none
    }

    /// A connection is gone. A request that is to be repeated keeps its place, so that it meets a fresh connection and not the next stale one.
    mutating func connectionClosed(_ connection: Connection, repeating exchange: Exchange?) -> Action {
        idle.removeAll { $0 === connection }
        if let exchange, !isShutDown { return .connect(exchange) }
        return slotFreed()
    }

    /// An attempt to connect failed.
    mutating func connectFailed() -> Action { slotFreed() }

    private mutating func slotFreed() -> Action {
        if let exchange = nextWaiting() { return .connect(exchange) }
        open -= 1
        guard isShutDown, open == 0 else { return .none }
        defer { shutdownWaiters = [] }
        return .drained(shutdownWaiters)
    }

    /// No new requests from here on; those in flight finish.
    mutating func shutDown() -> Action {
        isShutDown = true
        defer {
            idle = []
            waiting.removeAll()
        }
        return .close(idle, refused: Array(waiting))
    }

    /// False if there is nothing left to wait for.
    mutating func awaitDrained(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
        if open > 0 { shutdownWaiters.append(continuation) }
        return open > 0
    }

    /// Takes out the waiting requests whose time is up.
    mutating func takeExpired(at now: NIODeadline) -> (expired: [Exchange], nextDeadline: NIODeadline?) {
        var expired: [Exchange] = []
        guard isOrdered else {
            expired = waiting.filter { $0.isEnded || $0.deadline <= now }
            waiting.removeAll { $0.isEnded || $0.deadline <= now }
            return (expired, waiting.lazy.map(\.deadline).min())
        }
        while let first = waiting.first, first.isEnded || first.deadline <= now {
            expired.append(waiting.removeFirst())
        }
        return (expired, waiting.first?.deadline)
    }

    private mutating func nextWaiting() -> Exchange? {
        while let exchange = waiting.popFirst() {
            // A cancelled or expired caller has its answer already.
            if !exchange.isEnded { return exchange }
        }
        return nil
    }
}
