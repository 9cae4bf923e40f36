import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Web

/// How a connection is set up: Hummingbird's HTTP/1.1 with a ``RequestGuard`` and a ``Doorman`` before it and an ``EntryHandler`` in it.
struct GatewayChannel: ServerChildChannel {
    /// How many connections beyond the bound are told so, rather than left waiting.
    static let surplusConnections = 256

    let http: HTTP1Channel
    let gate: AdmissionGate
    let starting: StartingRoutes
    let book: Doorman.Book
    let connections: ConnectionCount
    let limits: EntryLimits
    let finish: AnswerFinish

    init(http: HTTP1Channel, gate: AdmissionGate, starting: StartingRoutes, limits: EntryLimits, connections: ConnectionCount, finish: AnswerFinish) {
        (self.http, self.gate, self.starting, self.connections, self.limits, self.finish) = (http, gate, starting, connections, limits, finish)
        book = Doorman.Book(gate: gate, starting: starting, finish: finish)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        setup(channel: channel, isSurplus: !count(channel), logger: logger)
    }

    /// Counts a connection until it is closed; false when it is one too many.
    func count(_ channel: any Channel) -> Bool {
        let address = channel.remoteAddress?.ip
        let isWelcome = connections.open(address)
        channel.closeFuture.whenComplete { [connections] _ in connections.close(address) }
        return isWelcome
    }

    func setup(channel: any Channel, isSurplus: Bool, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { value in
            // Behind the handler that knows whether the connection is idle: it must hear of what is answered here.
            let pipeline = channel.pipeline.syncOperations
            let state = try pipeline.handler(type: HTTPConnectionStateHandler.self)
            let entry = EntryHandler(gate: gate, starting: starting, isSurplus: isSurplus, finish: finish)
            try pipeline.addHandler(entry, position: .after(state))
            // Before all that knows HTTP, and behind what decrypts.
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            let doorman = isSurplus ? nil : Doorman(book: book, entry: entry)
            let guardian = RequestGuard(entry: entry, doorman: doorman, limits: limits, finish: finish)
            entry.guardian = guardian
            try pipeline.addHandler(guardian, position: .before(encoder))
            if let doorman { try pipeline.addHandler(doorman, position: .after(guardian)) }
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}
