import Metrics
import Resilience
import Synchronization
import WaybillClient
import Web

/// Asks a service that runs in other processes: chooses among its instances, bounds the time, repeats what may be repeated, and stops asking when nobody answers.
///
/// Every request has a deadline, and the instance is told what is left of it. A request is made a second time only where that does no harm (it reads, it has an
/// Idempotency-Key, or nothing of it was sent) and the ``RetryBudget`` allows it. An outcome that is not known is never reported as a failure.
final class UpstreamPool: Sendable {
    struct Configuration: Sendable {
        /// The whole time of a request, where the caller does not have less.
        var timeout: Duration = .seconds(60)
        /// The time of one attempt at a request that can be made again.
        var attemptTimeout: Duration = .seconds(15)
        /// The time of a request whose answer is ``Route/Answer/slow``.
        var slowTimeout: Duration = .seconds(900)
        /// How long the beginning of a stream may take.
        var streamTimeout: Duration = .seconds(15)
        /// Connections to each instance; each stream has one more.
        var connectionsPerInstance = 128
        /// How many requests may wait for a connection to an instance.
        var waitingPerInstance = 1_024
        /// The largest answer.
        var maximumBody = 16 << 20
        var balancer = InstanceBalancer.Configuration()
        var budget = RetryBudget.Configuration()
        /// Nil for none.
        var breaker: CircuitBreaker.Configuration? = CircuitBreaker.Configuration()
        /// What shows the instance that the request comes from a process of the platform.
        var secret: Secret?
        /// What tells the instance who sends the request; nil where it does not ask.
        var identity: InternalIdentity?

        init() {}
    }

    /// How often a request is made at most.
    private static let attempts = 2

    /// The service's name.
    let name: String
    let urls: [String]
    let configuration: Configuration
    let state: Mutex<UpstreamState>
    private let clients: [HTTPClient]
    private let milliseconds: @Sendable () -> Int64
    private let duration: Metrics.Timer

    /// Makes a pool; nothing is connected yet.
    /// - Parameters:
    ///   - urls: the base URLs of the instances; at least one.
    ///   - milliseconds: a clock that never goes back.
    /// - Throws: ``PlatformError`` for a URL that cannot be used.
    init(_ name: String, urls: [String], configuration: Configuration = Configuration(), milliseconds: @escaping @Sendable () -> Int64) throws {
        guard !urls.isEmpty else { throw PlatformError("no address of the service \(name) is known") }
        if let url = urls.first(where: { HTTPClient.isEncrypted(baseURL: $0) }) {
            throw PlatformError("upstreams.\(name): processes speak http with each other, not \(url)")
        }
        (self.name, self.urls, self.configuration, self.milliseconds) = (name, urls, configuration, milliseconds)
        do {
            clients = try urls.map {
                try HTTPClient(
                    baseURL: $0, maximumConnections: configuration.connectionsPerInstance, maximumWaiting: configuration.waitingPerInstance,
                    requestTimeout: configuration.timeout, maximumBodyBytes: configuration.maximumBody)
            }
        } catch { throw PlatformError("upstreams.\(name): \(error)") }
        state = Mutex(
            UpstreamState(
                balancer: InstanceBalancer(count: urls.count, configuration: configuration.balancer), budget: RetryBudget(configuration: configuration.budget),
                breaker: configuration.breaker.map { CircuitBreaker(configuration: $0) }))
        duration = Metrics.Timer(label: "waybill_upstream_duration", dimensions: [("upstream", name)])
    }

    /// Sends a request and waits for the whole answer, whatever its status.
    /// - Parameters:
    ///   - deadline: when the caller goes; nil for not before the pool's own time is over.
    ///   - isSlow: whether the answer may take minutes.
    ///   - isRepeatable: whether doing it twice does what once does; nil to go by its method and its key.
    /// - Throws: ``UpstreamFailure``; `CancellationError`.
    func send(
        _ request: ClientRequest, by deadline: ContinuousClock.Instant? = nil, isSlow: Bool = false, isRepeatable: Bool? = nil
    ) async throws -> ClientResponse {
        let isRepeatable = isRepeatable ?? UpstreamPool.isRepeatable(request)
        let whole = isSlow ? configuration.slowTimeout : configuration.timeout
        let single = isRepeatable && !isSlow ? min(configuration.attemptTimeout, whole) : whole
        return try await attempt(request, .call, limits: (whole, single), deadline: deadline, isRepeatable: isRepeatable) { client, request, timeout, choice in
            defer { self.state.withLock { $0.balancer.finish(choice) } }
            let response = try await client.send(request, timeout: timeout)
            return (response, response.status)
        }
    }

    /// Sends a request and returns as soon as the answer begins. Its pieces come for as long as both sides want.
    /// - Throws: ``UpstreamFailure``; `CancellationError`.
    func stream(_ request: ClientRequest, by deadline: ContinuousClock.Instant? = nil) async throws -> StreamedResponse {
        let limit = configuration.streamTimeout
        return try await attempt(
            request, .stream, limits: (limit, limit), deadline: deadline, isRepeatable: UpstreamPool.isRepeatable(request)
        ) { client, request, timeout, choice in
            do {
                let response = try await client.stream(request, timeout: timeout) { [weak self] in self?.state.withLock { $0.balancer.finish(choice) } }
                return (response, response.status)
            } catch {
                self.state.withLock { $0.balancer.finish(choice) }
                throw error
            }
        }
    }

    /// Ends all streams: their listeners come again, to another process.
    func endStreams() { for client in clients { client.endStreams() } }

    /// Lets requests in flight finish and closes all connections. Safe to call twice.
    func shutdown() async { for client in clients { await client.shutdown() } }

    /// Whether doing it twice does what once does: it reads, it replaces, or it has a key by which the service knows it again.
    static func isRepeatable(_ request: ClientRequest) -> Bool {
        ["GET", "HEAD", "PUT"].contains(request.method) || request.headers.contains { $0.0.lowercased() == "idempotency-key" }
    }

    private typealias Perform<Answer> = (HTTPClient, ClientRequest, Duration, InstanceBalancer.Choice) async throws -> (answer: Answer, status: Int)

    private func attempt<Answer: Sendable>(
        _ request: ClientRequest, _ load: InstanceBalancer.Load, limits: (whole: Duration, single: Duration), deadline: ContinuousClock.Instant?,
        isRepeatable: Bool, _ perform: Perform<Answer>
    ) async throws -> Answer {
        let start = ContinuousClock.now
        let begun = milliseconds()
        let end = min(start + limits.whole, deadline ?? start + limits.whole)
        guard end > start else { throw UpstreamFailure.deadlinePassed }
        if let seconds = state.withLock({ $0.begin(at: begun) }) { throw UpstreamFailure.open(retryAfterSeconds: seconds) }
        defer { duration.record(duration: ContinuousClock.now - start) }

        var (answered, failed, earlier): (Answer?, Int?, UpstreamVerdict?) = (nil, nil, nil)
        for attempt in 1...UpstreamPool.attempts {
            let timeout = min(limits.single, end - .now)
            let choice = state.withLock { $0.balancer.choose(load, at: milliseconds(), mayTry: isRepeatable, after: failed) }
            let result: Result<(answer: Answer, status: Int), any Error>
            do { result = .success(try await perform(clients[choice.index], outgoing(request, timeout), timeout, choice)) } catch { result = .failure(error) }
            // The caller has gone, and what became of the request nobody will know.
            guard let verdict = UpstreamPool.verdict(result, hadFullTime: timeout * 10 >= limits.single * 9) else {
                state.withLock { $0.abandon(begunAt: begun, at: milliseconds()) }
                throw CancellationError()
            }

            let isLast = attempt == UpstreamPool.attempts || end <= .now
            let repeats = state.withLock { state in
                let now = milliseconds()
                state.balancer.record(verdict.instance, of: choice, at: now)
                if !isLast, state.mayRepeat(verdict, isRepeatable: isRepeatable, at: now) { return true }
                // A last attempt in what was left of the time says nothing; the first one did.
                state.finish(verdict.service == .unknown ? earlier ?? verdict : verdict, begunAt: begun, at: now)
                return false
            }
            if case .success(let answer) = result { answered = answer.answer }
            (failed, earlier) = (choice.index, verdict)
            if repeats { continue }
            // An answer that was not good enough is better than none.
            if let answered { return answered }
            if case .failure(let error as ClientError) = result { throw UpstreamFailure(error) }
        }
        throw UpstreamFailure.deadlinePassed
    }

    private static func verdict<Answer>(_ result: Result<(answer: Answer, status: Int), any Error>, hadFullTime: Bool) -> UpstreamVerdict? {
        switch result {
        case .success(let answer): UpstreamVerdict(status: answer.status, hadFullTime: hadFullTime)
        case .failure(let error as ClientError): UpstreamVerdict(error: error, hadFullTime: hadFullTime)
        case .failure: nil
        }
    }

    /// The request as it leaves: with what is left of its time, the proof of where it comes from, and who sends it.
    private func outgoing(_ request: ClientRequest, _ timeout: Duration) -> ClientRequest {
        var request = request
        request.headers.append((HTTPName.deadline, RequestDeadline.text(remaining: timeout)))
        if let secret = configuration.secret { request.headers.append((HTTPName.secret, secret.value)) }
        if let identity = configuration.identity {
            request.headers.append((HTTPName.identity, identity.value(for: RequestScope.current?.principal ?? .platform)))
        }
        return request
    }
}
