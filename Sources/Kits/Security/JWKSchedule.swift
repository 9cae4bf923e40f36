import Wire

/// What is known of an issuer's keys and when they are fetched: decides, and does nothing.
struct JWKSchedule {
    enum Answer {
        /// This is it; nil for no such key.
        case known(VerificationKey?)
        /// This is it for now; a fetch is due.
        case stale(VerificationKey)
        /// Nothing can be said before the fetch that is due or under way.
        case wait
    }

    /// Between two tries as long as there are no keys at all: every token is refused until then.
    private static let firstPause: Int64 = 1_000

    private let maximumAge: Int64
    private let unknownKeyPause: Int64
    private let retryPause: Int64

    private(set) var keys: KeySet?
    /// How often the set of keys was another one than before.
    private(set) var version = 0
    /// How many fetches have ended.
    private(set) var loads = 0
    private var isBegun = false
    private var isLoading = false
    /// Whether somebody found that a fetch is due.
    private var isDue = true
    private var loadedAt: Timestamp?
    private var triedAt: Timestamp?
    private var soughtAt: Timestamp?

    init(_ pace: JWKSource.Pace) {
        (maximumAge, unknownKeyPause, retryPause) = (pace.maximumAge.milliseconds, pace.unknownKeyPause.milliseconds, pace.retryPause.milliseconds)
    }

    /// - Returns: false for the second who wants to run it.
    mutating func begin() -> Bool {
        defer { isBegun = true }
        return !isBegun
    }

    mutating func look(for id: String?, at now: Timestamp) -> Answer {
        guard let keys, let loadedAt else {
            if isRested(now) { isDue = true }
            return isLoading || isDue ? .wait : .known(nil)
        }
        guard let key = keys.key(id: id) else { return seek(id, at: now) }
        guard ages(at: now) else { return .known(key) }
        return now.milliseconds - loadedAt.milliseconds >= 2 * maximumAge ? .wait : .stale(key)
    }

    /// Whether the keys that there are have to be fetched again. With the address down they go on being good, however old they are.
    mutating func ages(at now: Timestamp) -> Bool {
        guard let loadedAt, isRested(now) else { return false }
        // A clock that was put back makes keys old as well: nobody knows how old they are.
        let age = now.milliseconds - loadedAt.milliseconds
        guard age < 0 || age >= maximumAge else { return false }
        isDue = true
        return true
    }

    /// For a name that is not known, which anybody can put into a token.
    private mutating func seek(_ id: String?, at now: Timestamp) -> Answer {
        if isLoading || isDue { return .wait }
        // Without a name and with several keys there is nothing to look for.
        guard id != nil else { return .known(nil) }
        if let soughtAt, now >= soughtAt, now.milliseconds - soughtAt.milliseconds < unknownKeyPause { return .known(nil) }
        (soughtAt, isDue) = (now, true)
        return .wait
    }

    /// Whether the last try, if it failed or is not over, is long enough ago.
    private func isRested(_ now: Timestamp) -> Bool {
        guard let triedAt else { return true }
        let pause = now.milliseconds - triedAt.milliseconds
        return pause < 0 || pause >= (keys == nil ? min(retryPause, JWKSchedule.firstPause) : retryPause)
    }

    /// - Returns: whether one is due.
    mutating func startLoad(at now: Timestamp) -> Bool {
        guard isDue, !isLoading else { return false }
        (isDue, isLoading, triedAt) = (false, true, now)
        return true
    }

    /// - Returns: whether these are other keys than before.
    mutating func finishLoad(_ new: KeySet, at now: Timestamp) -> Bool {
        (isLoading, loadedAt, triedAt) = (false, now, nil)
        loads += 1
        let isNew = !(keys.map { $0.isSame(as: new) } ?? false)
        if isNew {
            keys = new
            version += 1
        }
        return isNew
    }

    mutating func failLoad() {
        isLoading = false
        loads += 1
    }
}

extension Duration {
    /// Whole milliseconds; as many as there are for longer than anybody waits.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return min(max(seconds, 0), 1_000_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
