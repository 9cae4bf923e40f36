import Security
import Testing
import Wire

@Suite("Revoked tokens")
struct RevokedTokensTests {
    private static let now = Timestamp(milliseconds: 1_800_000_000_500)

    private func claims(_ id: String? = "a", subject: String = "alice", login: String? = nil, made: Int64 = -1_000) -> TokenClaims {
        let at = Self.now.advanced(byMilliseconds: made)
        return TokenClaims(
            subject: subject, issuer: "i", audience: ["w"], expiresAt: at.advanced(byMilliseconds: 3_600_000), issuedAt: at, id: id,
            additional: login.map { [JSONObject.Member(key: "sid", value: .string($0))] } ?? [])
    }

    private func revocation(_ kind: Revocation.Kind, _ name: String, at: Timestamp = now, for milliseconds: Int64 = 1_000) -> Revocation {
        Revocation(id: .lowerBound(of: at), kind: kind, name: name, at: at, endsAt: at.advanced(byMilliseconds: milliseconds))
    }

    @Test("until what was revoked has been read nothing is known of any token")
    func unknown() {
        let revoked = RevokedTokens()
        #expect(revoked.verdict(on: claims()) == .unknown)
        revoked.isComplete(at: Self.now)
        #expect(revoked.verdict(on: claims()) == .holds)
    }

    @Test("a token, a login and a subject each end what is theirs, and nothing else of the same name")
    func kinds() {
        let revoked = RevokedTokens()
        revoked.isComplete(at: Self.now)
        revoked.add([revocation(.token, "a"), revocation(.login, "l"), revocation(.subject, "bob")])
        #expect(revoked.verdict(on: claims("a")) == .revoked && revoked.verdict(on: claims("b", login: "l")) == .revoked)
        #expect(revoked.verdict(on: claims("b", subject: "bob")) == .revoked)
        for other in [claims("b"), claims("l", subject: "a", login: "bob"), claims("bob", subject: "l", login: "a"), claims(nil)] {
            #expect(revoked.verdict(on: other) == .holds)
        }
    }

    @Test("what a subject was given afterwards holds, in the same second as well, and a later revocation ends it")
    func moments() {
        let revoked = RevokedTokens()
        revoked.isComplete(at: Self.now)
        revoked.add([revocation(.subject, "alice")])
        // The identifier tells the moment, not the claim with whole seconds.
        let late = Identifier.lowerBound(of: Self.now.advanced(byMilliseconds: 1)).description
        let early = Identifier.lowerBound(of: Self.now).description
        #expect(revoked.verdict(on: claims(late, made: -500)) == .holds && revoked.verdict(on: claims(early, made: 500)) == .revoked)
        revoked.add([revocation(.subject, "alice", at: Self.now.advanced(byMilliseconds: -5_000))])
        #expect(revoked.verdict(on: claims(early)) == .revoked, "an older word takes nothing back")
        revoked.add([revocation(.subject, "alice", at: Self.now.advanced(byMilliseconds: 1))])
        #expect(revoked.verdict(on: claims(late)) == .revoked)
    }

    @Test("what has expired is forgotten")
    func forgetting() {
        let revoked = RevokedTokens()
        revoked.add([revocation(.token, "a", for: 1_000), revocation(.token, "b", for: 5_000), revocation(.subject, "c", for: 1_000)])
        #expect(revoked.count == 3)
        revoked.isComplete(at: Self.now.advanced(byMilliseconds: 999))
        #expect(revoked.count == 3)
        revoked.isComplete(at: Self.now.advanced(byMilliseconds: 1_000))
        #expect(revoked.count == 1 && revoked.verdict(on: claims("b")) == .revoked)
        revoked.isComplete(at: Self.now.advanced(byMilliseconds: 5_000))
        #expect(revoked.count == 0)
    }
}
