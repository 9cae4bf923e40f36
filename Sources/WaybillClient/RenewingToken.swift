/// A token that is renewed before it expires, and once more when the server refuses it.
///
/// Whoever asks while it is being renewed waits for that renewal: there is never more than one under way. While a renewal fails, a token that still holds is used
/// on.
public actor RenewingToken: TokenProvider {
    /// It is renewed when this much of its time is left, or a tenth of it if that is less: longer than a request is under way, and than clocks differ.
    public static let margin: Duration = .seconds(60)
    /// A token that is refused so soon after it came is not replaced: the next one would be refused as well, and each request would cost a renewal.
    static let leastAge: Duration = .seconds(5)
    /// The pause between two renewals that fail while the old token holds.
    static let pauseAfterFailure: Duration = .seconds(1)

    private struct Held {
        let value: String
        let since: ContinuousClock.Instant
        /// Nil for both where nobody says how long it holds.
        var end: ContinuousClock.Instant?
        var renewal: ContinuousClock.Instant?
    }

    private let renew: @Sendable () async throws -> IssuedToken
    private let now: @Sendable () -> ContinuousClock.Instant
    private var held: Held?
    private var isRenewing = false
    /// Callers that wait for the renewal under way. They are told nil if whoever renewed was cancelled: then one of them does it.
    private var waiting: [CheckedContinuation<Result<String, any Error>?, Never>] = []

    /// - Parameters:
    ///   - now: the time; for tests.
    ///   - renew: gets a new token. Never called by two tasks at once. What it throws is what the request throws.
    public init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, renew: @escaping @Sendable () async throws -> IssuedToken) {
        (self.now, self.renew) = (now, renew)
    }

    public func token() async throws -> String {
        while true {
            if let held, held.renewal.map({ now() < $0 }) ?? true { return held.value }
            guard isRenewing else { return try await renewed() }
            let outcome: Result<String, any Error>? = await withCheckedContinuation { waiting.append($0) }
            if let outcome { return try outcome.get() }
        }
    }

    public func isReplaceable(_ token: String) -> Bool {
        // Somebody else has renewed it meanwhile, or is about to.
        guard let held, held.value == token else { return true }
        guard now() - held.since >= RenewingToken.leastAge else { return false }
        self.held = nil
        return true
    }

    private func renewed() async throws -> String {
        isRenewing = true
        let outcome: Result<String, any Error>
        do {
            let token = try await renew()
            keep(token)
            outcome = .success(token.value)
        } catch {
            outcome = stillHeld().map { .success($0) } ?? .failure(error)
        }
        isRenewing = false
        let callers = waiting
        waiting = []
        var shared: Result<String, any Error>? = outcome
        if case .failure(let error) = outcome, error is CancellationError { shared = nil }
        for caller in callers { caller.resume(returning: shared) }
        return try outcome.get()
    }

    private func keep(_ token: IssuedToken) {
        let begin = now()
        var held = Held(value: token.value, since: begin)
        if let lifetime = token.lifetime {
            (held.end, held.renewal) = (begin + lifetime, begin + lifetime - min(RenewingToken.margin, lifetime / 10))
        }
        self.held = held
    }

    /// The token of before where its time is not over; it is tried to renew it again a little later.
    private func stillHeld() -> String? {
        guard var held, held.end.map({ now() < $0 }) ?? true else { return nil }
        held.renewal = now() + RenewingToken.pauseAfterFailure
        self.held = held
        return held.value
    }
}
