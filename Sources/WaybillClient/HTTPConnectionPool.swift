import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Keep-alive connections to one server, at most a given number; requests beyond them wait in the order of their arrival.
///
/// A request costs one hop to an event loop and one resumption of its caller. A connection that finishes a response takes the next waiting
/// request itself, without leaving its event loop.
final class HTTPConnectionPool: Transport {
    let base: BaseURL
    let connectTimeout: Duration
    let maximumBodyBytes: Int
    private let group: MultiThreadedEventLoopGroup
    private let state: Mutex<PoolState<PooledConnection>>
    /// When the queue is looked at next for requests whose time is up; nil while nobody is to look.
    private let nextSweep = Mutex<NIODeadline?>(nil)

    init(
        base: BaseURL, maximumConnections: Int, maximumWaiting: Int, connectTimeout: Duration,
        maximumBodyBytes: Int, group: MultiThreadedEventLoopGroup
    ) {
        self.base = base
        self.connectTimeout = connectTimeout
        self.maximumBodyBytes = maximumBodyBytes
        self.group = group
        self.state = Mutex(PoolState(maximum: maximumConnections, maximumWaiting: maximumWaiting))
    }

    /// Starts the exchange now or queues it; its continuation tells the end.
    func submit(_ exchange: Exchange) {
        let (action, isQueued) = state.withLock { state in
            let action = state.submit(exchange)
            if case .none = action { return (action, true) }
            return (action, false)
        }
        if isQueued { sweep(at: exchange.deadline) }
        perform(action)
    }

    /// Called by a connection on its event loop after a response; returns what it is to do next itself.
    func next(for connection: PooledConnection) -> Exchange? {
        let action = state.withLock { $0.connectionIsFree(connection) }
        if case .start(let exchange, _) = action { return exchange }
        perform(action)
        return nil
    }

    /// Called by a connection when it is gone.
    func closed(_ connection: PooledConnection, repeating exchange: Exchange?) {
        let action = state.withLock { $0.connectionClosed(connection, repeating: exchange) }
        // A shut-down pool does not connect again: the caller hears of the lost connection.
        if let exchange {
            if case .connect(let chosen) = action, chosen === exchange {} else { exchange.end(.failure(ClientError.connectionClosed)) }
        }
        perform(action)
    }

    /// Refuses new and waiting requests, lets those in flight finish, closes every connection. Returns when the last one is closed.
    func shutDown() async {
        perform(state.withLock { $0.shutDown() })
        await withCheckedContinuation { continuation in
            if !state.withLock({ $0.awaitDrained(continuation) }) { continuation.resume() }
        }
    }

    func open(_ call: StreamCall) { StreamHandler.connect(call, to: base, group: group) }

    private func perform(_ action: PoolState<PooledConnection>.Action) {
        switch action {
        case .none: break
        case .start(let exchange, let connection): connection.start(exchange)
        case .connect(let exchange): connect(for: exchange)
        case .refuse(let exchange, let error): exchange.end(.failure(error))
        case .close(let connections, let refused):
            for connection in connections { connection.close() }
            for exchange in refused { exchange.end(.failure(ClientError.shutDown)) }
        case .drained(let waiters): for waiter in waiters { waiter.resume() }
        }
    }

    private func connect(for exchange: Exchange) {
        let remaining = max(exchange.deadline - .now(), .milliseconds(1))
        let isLimitedByRequest = remaining < TimeAmount(connectTimeout)
        let timeout = isLimitedByRequest ? remaining : TimeAmount(connectTimeout)
        let (base, waited) = (self.base, isLimitedByRequest ? exchange.timeout : connectTimeout)
        ClientBootstrap.plain(group: group.next(), connectTimeout: timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
                    try channel.pipeline.syncOperations.addHandler(HTTPConnection(pool: self, channel: channel))
                }
            }
            .connect(host: base.host, port: base.port)
            .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: HTTPConnection.self).begin(exchange) }
            .whenFailure { error in
                exchange.end(.failure(ClientError(connecting: error, to: base, within: waited)))
                self.perform(self.state.withLock { $0.connectFailed() })
            }
    }

    /// Answers waiting requests whose time is up. One timer serves the whole queue, but for a request whose time is up before that of all who wait already.
    private func sweep(at deadline: NIODeadline) {
        let isEarlier = nextSweep.withLock { next in
            guard next.map({ deadline < $0 }) ?? true else { return false }
            next = deadline
            return true
        }
        if isEarlier { scheduleSweep(at: deadline) }
    }

    private func scheduleSweep(at deadline: NIODeadline) {
        group.next().scheduleTask(deadline: deadline) {
            // Before the look at the queue: a request queued after that look begins a sweep of its own.
            self.nextSweep.withLock { if $0 == deadline { $0 = nil } }
            let (expired, next) = self.state.withLock { $0.takeExpired(at: .now()) }
            for exchange in expired { exchange.end(.failure(ClientError.timedOut(.connection, after: exchange.timeout))) }
            if let next { self.sweep(at: next) }
        }
    }
}
