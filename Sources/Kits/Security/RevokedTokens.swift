import Synchronization
import Wire

/// The tokens of one issuer that were revoked and have not expired, in memory: looked at for every request that brings a token, after all that is remembered of it.
public final class RevokedTokens: Sendable {
    /// What is known of a token.
    public enum Verdict: Sendable, Equatable {
        case holds
        case revoked
        /// What was revoked before this process began has not been read yet.
        case unknown
    }

    private struct Name: Hashable {
        let kind: Revocation.Kind
        let text: String
    }

    private struct Entry {
        let at: Timestamp
        let endsAt: Timestamp
    }

    private struct State {
        var entries: [Name: Entry] = [:]
        /// When the first of them is to be forgotten.
        var firstEnd: Timestamp?
        var isComplete = false
    }

    private let state = Mutex(State())

    /// Nothing is known yet.
    public init() {}

    /// Whether a token still holds, apart from all that it says itself. Where anything is revoked at all it costs up to three looks into a table.
    public func verdict(on claims: TokenClaims) -> Verdict {
        state.withLock { state in
            guard state.isComplete else { return .unknown }
            if state.entries.isEmpty { return .holds }
            if let id = claims.id, state.entries[Name(kind: .token, text: id)] != nil { return .revoked }
            if let login = claims.login, state.entries[Name(kind: .login, text: login)] != nil { return .revoked }
            guard let entry = state.entries[Name(kind: .subject, text: claims.subject)] else { return .holds }
            // A token that does not say when it was made may have been made before.
            return claims.madeAt.map { $0 > entry.at } ?? false ? .holds : .revoked
        }
    }

    /// Notes what was revoked; what is known already may come again.
    public func add(_ revocations: [Revocation]) {
        state.withLock { state in
            for revocation in revocations {
                let name = Name(kind: revocation.kind, text: revocation.name)
                if let known = state.entries[name], known.at >= revocation.at { continue }
                state.entries[name] = Entry(at: revocation.at, endsAt: revocation.endsAt)
                state.firstEnd = min(state.firstEnd ?? revocation.endsAt, revocation.endsAt)
            }
        }
    }

    /// Notes that everything that was revoked by a moment has been read, and forgets what has expired by it.
    public func isComplete(at now: Timestamp) {
        state.withLock { state in
            state.isComplete = true
            guard let firstEnd = state.firstEnd, firstEnd <= now else { return }
            state.entries = state.entries.filter { $0.value.endsAt > now }
            state.firstEnd = state.entries.values.map(\.endsAt).min()
        }
    }

    /// How many revocations are known.
    public var count: Int { state.withLock { $0.entries.count } }
}
