import Foundation
import Logging
import Messaging
import Synchronization

/// A thread that owns a connection and does with it what others ask for, one thing after the other. Between two requests it keeps the connection alive.
final class RequestThread: Sendable {
    private struct State {
        var requests: [@Sendable (AMQPSession?) -> Void] = []
        var isBusy = false
        var isStopped = false
        var hasEnded = false
        var farewells: [CheckedContinuation<Void, Never>] = []
    }

    /// More requests than can be in anybody's interest.
    private static let maximumWaiting = 256

    let lifeline = Lifeline()
    private let wake: WakeEvent
    private let state = Mutex(State())
    private let alarm = Mutex<String?>(nil)
    private let idle: Duration

    /// Why the broker accepted nothing on this connection the last time that something was published; nil when it did.
    var blocked: String? { alarm.withLock { $0 } }

    /// Starts the thread. It connects with the first request.
    init(_ configuration: RabbitMQConfiguration, purpose: String, logger: Logger) throws {
        wake = try WakeEvent()
        idle = configuration.heartbeat / 4
        let lifeline = self.lifeline
        let thread = Thread { [self] in
            run(AMQPSession(configuration, purpose: purpose, lifeline: lifeline, logger: logger) { [self] reason in alarm.withLock { $0 = reason } })
        }
        thread.name = "amqp-\(purpose)"
        thread.start()
    }

    /// Runs a closure on the thread, and returns what it returns.
    /// - Throws: what the closure throws, in the words of the port; ``BrokerError/unavailable(_:)`` once the thread was stopped.
    func perform<T: Sendable>(_ body: @escaping @Sendable (AMQPSession) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let isAccepted = post { session in
                guard let session else { return continuation.resume(throwing: BrokerError.unavailable("the broker was closed")) }
                continuation.resume(with: Result { try RequestThread.attempt(session, body) })
            }
            if !isAccepted { continuation.resume(throwing: BrokerError.unavailable("the broker was closed, or too many requests wait")) }
        }
    }

    /// Lets a closure run on the thread when its turn comes; nobody hears how it ended.
    func send(_ body: @escaping @Sendable (AMQPSession) throws -> Void) {
        _ = post { session in if let session { try? RequestThread.attempt(session, body) } }
    }

    private func post(_ request: @escaping @Sendable (AMQPSession?) -> Void) -> Bool {
        let isAccepted = state.withLock { state in
            guard !state.isStopped, state.requests.count < RequestThread.maximumWaiting else { return false }
            state.requests.append(request)
            return true
        }
        if isAccepted { wake.signal() }
        return isAccepted
    }

    /// Runs a request. Whatever it leaves behind half done is gone with its connection; only the broker's refusals on a channel leave that usable.
    private static func attempt<T>(_ session: AMQPSession, _ body: (AMQPSession) throws -> T) throws -> T {
        do { return try body(session) } catch {
            let isHarmless = (error as? AMQPFault)?.isOfChannel ?? (error is BrokerError)
            if !isHarmless { session.drop() }
            throw brokerError(error)
        }
    }

    /// Ends the thread and refuses what waits. What is being done fails at once.
    /// - Parameter abruptly: whether the connection is cut without a word although nothing is being done.
    func stop(abruptly: Bool) async {
        let isBusy = state.withLock { state in
            state.isStopped = true
            return state.isBusy
        }
        if abruptly || isBusy { lifeline.cut(forGood: true) }
        wake.signal()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.farewells.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func run(_ session: AMQPSession) {
        while true {
            let (requests, isStopped) = state.withLock { state in
                defer { state.requests = [] }
                state.isBusy = !state.requests.isEmpty
                return (state.requests, state.isStopped)
            }
            for request in requests { request(isStopped ? nil : session) }
            if !requests.isEmpty { continue }
            if isStopped { break }
            keepAlive(session)
            wake.wait(socket: session.connection?.socket, atMost: session.connection == nil ? .seconds(3600) : idle)
        }
        session.close()
        let farewells = state.withLock { state in
            state.hasEnded = true
            return state.farewells
        }
        for farewell in farewells { farewell.resume() }
    }

    private func keepAlive(_ session: AMQPSession) {
        do { while let event = try session.connection?.nextEvent() { session.note(event) } } catch { session.drop() }
    }
}
