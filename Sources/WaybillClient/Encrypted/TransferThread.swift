import Foundation
import NIOCore
import Synchronization

/// The thread of an ``EncryptedTransport``: what it is to do, and who waits for it to have room.
final class TransferThread: ExchangeCarrier {
    /// What the thread is told from outside.
    enum Command: Sendable {
        case carry(Exchange, in: TransferPlace)
        case open(StreamCall, StreamTransfer)
        case abandon(Exchange)
        case readOn(StreamTransfer)
        case close(StreamTransfer)
    }

    private struct State {
        var pool: PoolState<TransferPlace>
        /// At most one for each place and a few for each stream: the thread takes them whenever it turns around.
        var commands: [Command] = []
        /// When those who wait are looked at next.
        var sweep: NIODeadline?
        var isRunning = false
        var isStopped = false
        var farewells: [CheckedContinuation<Void, Never>] = []
    }

    let settings: TransferSettings
    private let multi: MultiHandle?
    private let state: Mutex<State>

    init(_ settings: TransferSettings) {
        self.settings = settings
        multi = MultiHandle(connections: settings.limits.connections)
        state = Mutex(State(pool: PoolState(maximum: settings.limits.connections, maximumWaiting: settings.limits.waiting)))
    }

    /// Starts the exchange now or queues it.
    func submit(_ exchange: Exchange) {
        let action = state.withLock { state in
            let action = state.pool.submit(exchange)
            if case .none = action { state.sweep = min(state.sweep ?? exchange.deadline, exchange.deadline) }
            return action
        }
        perform(action)
    }

    func abandon(_ exchange: Exchange) { add(.abandon(exchange)) }

    /// A request has ended: its place goes to whoever waits first.
    func free(_ place: TransferPlace) { perform(state.withLock { $0.pool.connectionIsFree(place) }) }

    private func perform(_ action: PoolState<TransferPlace>.Action) {
        switch action {
        case .none: multi?.wake()
        case .start(let exchange, let place): add(.carry(exchange, in: place))
        case .connect(let exchange): add(.carry(exchange, in: TransferPlace()))
        case .refuse(let exchange, let error): exchange.end(.failure(error))
        case .close(let places, let refused):
            for place in places { perform(state.withLock { $0.pool.connectionClosed(place, repeating: nil) }) }
            for exchange in refused { exchange.end(.failure(ClientError.shutDown)) }
        case .drained(let waiters): for waiter in waiters { waiter.resume() }
        }
    }

    /// Tells the thread, which is started if there is none.
    func add(_ command: Command) {
        let (isTaken, starts) = state.withLock { state in
            guard !state.isStopped, multi != nil else { return (false, false) }
            state.commands.append(command)
            defer { state.isRunning = true }
            return (true, !state.isRunning)
        }
        guard isTaken else { return refuse(command) }
        if starts {
            let thread = Thread { [self] in run() }
            thread.name = "waybill.https"
            thread.start()
        }
        multi?.wake()
    }

    private func refuse(_ command: Command) {
        let (base, isUsable) = (settings.base, multi != nil)
        let error = isUsable ? ClientError.shutDown : .cannotConnect(host: base.host, port: base.port, reason: "libcurl cannot be used")
        switch command {
        case .carry(let exchange, let place):
            exchange.end(.failure(error))
            perform(state.withLock { $0.pool.connectionClosed(place, repeating: nil) })
        case .open(let call, _): call.sink.fail(error)
        case .abandon, .readOn, .close: break
        }
    }

    /// Refuses new and waiting requests, lets those in flight finish, closes the connections.
    func shutDown() async {
        perform(state.withLock { $0.pool.shutDown() })
        await withCheckedContinuation { continuation in
            if !state.withLock({ $0.pool.awaitDrained(continuation) }) { continuation.resume() }
        }
        stop()
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isRunning { state.farewells.append(continuation) }
                return !state.isRunning
            }
            if isOver { continuation.resume() }
        }
    }

    /// Gives up everything; the thread ends.
    func stop() {
        state.withLock { $0.isStopped = true }
        multi?.wake()
    }

    // MARK: On the thread

    private func run() {
        guard let multi else { return }
        // Writing to a connection that the other side has closed must be an error and not the end of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let engine = TransferEngine(multi, owner: self)
        while true {
            let (commands, isStopped) = state.withLock { state in
                defer { state.commands.removeAll(keepingCapacity: true) }
                return (state.commands, state.isStopped)
            }
            for command in commands { engine.obey(command) }
            if isStopped { break }
            engine.turn(waitingUntil: expire())
        }
        engine.giveUp()
        multi.close()
        let farewells = state.withLock { state in
            state.isRunning = false
            defer { state.farewells = [] }
            return state.farewells
        }
        for farewell in farewells { farewell.resume() }
    }

    /// Answers those who waited too long; returns when the next one of them does.
    private func expire() -> NIODeadline? {
        let (expired, next): ([Exchange], NIODeadline?) = state.withLock { state in
            let now = NIODeadline.now()
            guard let sweep = state.sweep, sweep <= now else { return ([], state.sweep) }
            let (expired, next) = state.pool.takeExpired(at: now)
            state.sweep = next
            return (expired, next)
        }
        for exchange in expired { exchange.end(.failure(ClientError.timedOut(.connection, after: exchange.timeout))) }
        return next
    }
}
