import CPostgres
import Dispatch
import Glibc
import Logging
import Storage
import Synchronization

/// Wake-ups by LISTEN and NOTIFY, on a connection of their own: a notification inside of a transaction would make all commits of the server that have one wait for each other.
final class PostgresSignals: @unchecked Sendable {
    /// Notifications of a channel within this time are one.
    private static let pace: UInt64 = 5_000_000

    private struct State {
        var bodies: [String: [@Sendable () -> Void]] = [:]
        var unsent: Set<String> = []
        var hasBegun = false
        var isClosed = false
    }

    private let prefix: String
    private let queue: DispatchQueue
    private let state = Mutex(State())
    /// A byte in it ends the wait for the server.
    private let bell = Bell()
    /// Touched on ``queue`` only, as the rest.
    private let link: ServerLink
    private var connection: PostgresConnection?
    private var heard: Set<String> = []
    private var lastSent: UInt64 = 0

    init(_ factory: ConnectionFactory, logger: Logger) {
        // Channels belong to a database; services that share one have a schema each.
        prefix = factory.configuration.schema.map { "\($0)." } ?? ""
        queue = DispatchQueue(label: "waybill.postgres.\(factory.name).signals")
        link = ServerLink(factory, .signals, logger: logger)
    }

    func notify(_ channel: String) { change { $0.unsent.insert(channel).inserted } }

    func listen(_ channel: String, _ body: @escaping @Sendable () -> Void) {
        change { state in
            state.bodies[channel, default: []].append(body)
            return true
        }
    }

    /// Changes the state, and lets the thread know where there is something for it to do.
    private func change(_ body: (inout State) -> Bool) {
        let (isNews, isFirst) = state.withLock { state in
            guard !state.isClosed, body(&state) else { return (false, false) }
            defer { state.hasBegun = true }
            return (true, !state.hasBegun)
        }
        if isFirst { queue.async { self.run() } } else if isNews { bell.ring() }
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        bell.ring()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            queue.async {
                self.connection = nil
                self.link.drop()
                done.resume()
            }
        }
    }

    // MARK: The thread

    private func run() {
        while !state.withLock({ $0.isClosed }) {
            do { try step() } catch {
                link.drop()
                let now = DispatchTime.now().uptimeNanoseconds
                bell.wait(with: nil, milliseconds: Int32(clamping: (max(now, link.nextAttempt) - now) / 1_000_000 + 1))
            }
        }
    }

    private func step() throws {
        let connection = try link.open()
        if connection !== self.connection {
            let isBack = self.connection != nil
            (self.connection, heard) = (connection, [])
            try hear(connection)
            if isBack { tell(Array(heard)) }
        }
        try hear(connection)
        let next = try send(connection)
        tell(connection.notifications().map { String($0.dropFirst(prefix.count)) })
        bell.wait(with: PQsocket(connection.handle), milliseconds: next)
        try connection.read()
    }

    /// Listens to what is new.
    private func hear(_ connection: PostgresConnection) throws {
        for channel in state.withLock({ $0.bodies.keys.sorted() }) where !heard.contains(channel) {
            try connection.simple("LISTEN \(ConnectionFactory.quoted(prefix + channel))")
            heard.insert(channel)
        }
    }

    /// Sends what is to be sent, if it is time.
    /// - Returns: in how many milliseconds it will be.
    private func send(_ connection: PostgresConnection) throws -> Int32 {
        let now = DispatchTime.now().uptimeNanoseconds
        let due = lastSent + PostgresSignals.pace
        guard now >= due else {
            let waits = state.withLock { !$0.unsent.isEmpty }
            return waits ? Int32(clamping: (due - now) / 1_000_000 + 1) : -1
        }
        let channels = state.withLock { state in
            defer { state.unsent = [] }
            return state.unsent.sorted()
        }
        if channels.isEmpty { return -1 }
        lastSent = now
        try connection.simple("SELECT " + channels.map { "pg_notify(\(ConnectionFactory.literal(prefix + $0)), '')" }.joined(separator: ", "))
        return -1
    }

    private func tell(_ channels: [String]) {
        for channel in Set(channels) { for body in state.withLock({ $0.bodies[channel] ?? [] }) { body() } }
    }
}

extension PostgresDatabase: DatabaseSignals {
    public func notify(_ channel: String) { signals.notify(channel) }
    public func listen(_ channel: String, _ body: @escaping @Sendable () -> Void) { signals.listen(channel, body) }
}

extension PostgresConnection {
    /// The channels that were notified.
    func notifications() -> [String] {
        var channels: [String] = []
        while let notification = PQnotifies(handle) {
            channels.append(PostgresFailure.text(notification.pointee.relname))
            PQfreemem(notification)
        }
        return channels
    }

    /// Reads what is there.
    func read() throws {
        guard PQconsumeInput(handle) == 1 else { throw PostgresFailure.lost(PostgresFailure.text(PQerrorMessage(handle))) }
    }
}

/// Ends the wait of a thread that waits for a socket.
private final class Bell: Sendable {
    private let ends: (read: Int32, write: Int32)

    init() {
        var pair: (Int32, Int32) = (-1, -1)
        withUnsafeMutableBytes(of: &pair) { _ = pipe($0.assumingMemoryBound(to: Int32.self).baseAddress) }
        ends = pair
        for end in [ends.read, ends.write] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    func ring() {
        var byte: UInt8 = 1
        // A full pipe rings as well.
        _ = write(ends.write, &byte, 1)
    }

    /// Waits for the bell, or for something to read from a socket.
    /// - Parameter milliseconds: -1 for as long as it takes.
    func wait(with socket: Int32?, milliseconds: Int32) {
        var descriptors = [pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0)]
        if let socket { descriptors.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
        _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
        var bytes: (UInt64, UInt64) = (0, 0)
        if descriptors[0].revents != 0 { withUnsafeMutableBytes(of: &bytes) { _ = Glibc.read(ends.read, $0.baseAddress, $0.count) } }
    }
}
