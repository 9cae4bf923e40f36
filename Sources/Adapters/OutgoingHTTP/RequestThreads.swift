import CCurl
import DequeModule
import Dispatch
import Foundation
import Synchronization
import Web

/// The threads of a client and what waits for them, in order and bounded. They hold on to this object and not to the client, so that a client which nobody needs
/// any more can go and stop them.
final class RequestThreads: Sendable {
    private struct State {
        var waiting: Deque<Ticket> = []
        /// Of the threads that there are, those with nothing to do.
        var idle = 0
        var threads = 0
        var running: [ObjectIdentifier: Ticket] = [:]
        var isStopped = false
        var farewells: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: CurlClient.Configuration
    private let state = Mutex(State())
    /// Counts what waits; more once it is over, one for each thread.
    private let work = DispatchSemaphore(value: 0)

    /// libcurl is made ready once in the process.
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ configuration: CurlClient.Configuration) { self.configuration = configuration }

    /// Takes a request.
    /// - Returns: why it cannot be taken; nil when it was.
    func add(_ ticket: Ticket) -> OutgoingFailure? {
        guard RequestThreads.isReady else { return .broken("libcurl cannot be used") }
        enum Admission {
            case refused(OutgoingFailure)
            case accepted(startsThread: Bool)
        }
        let admission: Admission = state.withLock { state in
            if state.isStopped { return .refused(.cancelled) }
            guard state.waiting.count < configuration.maximumWaiting else { return .refused(.overloaded) }
            state.waiting.append(ticket)
            let startsThread = state.waiting.count > state.idle && state.threads < max(1, configuration.threads)
            if startsThread { state.threads += 1 }
            return .accepted(startsThread: startsThread)
        }
        guard case .accepted(let startsThread) = admission else {
            if case .refused(let failure) = admission { return failure }
            return nil
        }
        if startsThread {
            let thread = Thread { [self] in run() }
            thread.name = "waybill.outgoing"
            thread.start()
        }
        work.signal()
        return nil
    }

    /// Gives up everything; the threads end.
    func stop() {
        let (tickets, threads) = state.withLock { state in
            state.isStopped = true
            defer { state.waiting = [] }
            return (Array(state.waiting) + state.running.values, state.threads)
        }
        for ticket in tickets { ticket.finish(.failure(.cancelled)) }
        for _ in 0..<threads { work.signal() }
    }

    /// Waits until the threads have ended.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.threads > 0 { state.farewells.append(continuation) }
                return state.threads == 0
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: On a thread of its own

    private func run() {
        // Writing to a connection that the other side has closed must be an error and not the end of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let handle = curl_easy_init()
        while let ticket = next() {
            let outcome: Ticket.Outcome
            do throws(OutgoingFailure) {
                guard let handle else { throw .broken("libcurl has no memory") }
                outcome = .success(try Exchange(ticket, configuration).perform(on: handle))
            } catch { outcome = .failure(error) }
            state.withLock { _ = $0.running.removeValue(forKey: ObjectIdentifier(ticket)) }
            ticket.finish(outcome)
        }
        curl_easy_cleanup(handle)
        let farewells: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.farewells = [] }
            return state.farewells
        }
        for farewell in farewells { farewell.resume() }
    }

    /// Waits for a request that somebody still waits for; nil at the end.
    private func next() -> Ticket? {
        while true {
            state.withLock { $0.idle += 1 }
            work.wait()
            let (ticket, isStopped): (Ticket?, Bool) = state.withLock { state in
                state.idle -= 1
                guard !state.isStopped, let ticket = state.waiting.popFirst() else { return (nil, state.isStopped) }
                state.running[ObjectIdentifier(ticket)] = ticket
                return (ticket, false)
            }
            if isStopped { return nil }
            if let ticket { return ticket }
        }
    }
}
