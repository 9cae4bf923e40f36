import Messaging
import Security
import Storage
import Wire

/// Makes revocations: they lie in the database, where other processes read them, and in this process's memory.
///
/// What is revoked in a transaction is ``hold(_:)`` after its commit. Where the outcome of that is not known, ``FollowRevocations`` finds it.
struct RevocationLedger: Sendable {
    /// The most tokens that their holders may have revoked one by one at a time: some 20 MB in every gateway.
    static let capacity = 100_000
    /// For how long a revocation is kept beyond the tokens' end: more than any verifier's leeway.
    private static let slackMilliseconds: Int64 = 3_700_000

    let revoked: RevokedTokens
    let context: ServiceContext

    /// Whether holders of tokens have to wait until earlier ones have expired.
    var isFull: Bool { revoked.count >= RevocationLedger.capacity }

    /// A revocation that is made now.
    /// - Parameter expiry: when the last of the tokens expires; nil for the latest that is possible.
    func revocation(of kind: Revocation.Kind, _ name: String, expiry: Timestamp? = nil) -> Revocation {
        let now = context.now
        let latest = now.advanced(byMilliseconds: IdentityConfiguration.longestTokenMilliseconds)
        return Revocation(
            id: context.newID(at: now), kind: kind, name: name, at: now,
            endsAt: min(expiry ?? latest, latest).advanced(byMilliseconds: RevocationLedger.slackMilliseconds))
    }

    /// Ends all that somebody has by now: his tokens and his logins. API keys are revoked by themselves.
    func endAll(of subject: String, because reason: String, in transaction: any Transaction) throws -> Revocation {
        let revocation = revocation(of: .subject, subject)
        try RevocationTable.add(revocation, in: transaction)
        try LoginTable.revokeAll(ofSubject: subject, because: reason, at: revocation.at, in: transaction)
        return revocation
    }

    /// Heeds revocations that have been committed.
    func hold(_ revocations: Revocation?...) { revoked.add(revocations.compactMap(\.self)) }
}
