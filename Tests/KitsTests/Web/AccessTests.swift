import HTTPTypes
import Synchronization
import Testing
import Web
import Wire

@Suite("Access")
struct AccessTests {
    private static let rule = Access.roles([.customer, .support, .admin], .readOrders, own: .orderInPath("id"))

    @Test("everybody is let in where nobody is asked")
    func everyone() {
        #expect(Access.everyone.verdict(on: nil) == .allowed(isOwnOnly: false))
        #expect(Access.everyone.verdict(on: .nobody) == .allowed(isOwnOnly: false))
    }

    @Test("a rule asks who it is, for a role and, of those who are bound to scopes, for the scope")
    func verdicts() {
        func verdict(_ roles: Set<Role>, _ scopes: Set<Scope>? = nil) -> Access.Verdict {
            AccessTests.rule.verdict(on: Principal(subject: "a", roles: roles, scopes: scopes))
        }
        #expect(AccessTests.rule.verdict(on: nil) == .unauthenticated)
        #expect(verdict([]) == .forbiddenRole)
        #expect(verdict([.warehouse, .finance]) == .forbiddenRole)
        #expect(verdict([.support]) == .allowed(isOwnOnly: false))
        #expect(verdict([.support], []) == .forbiddenScope(.readOrders))
        #expect(verdict([.support], [.writeOrders]) == .forbiddenScope(.readOrders))
        #expect(verdict([.support], [.readOrders, .writeOrders]) == .allowed(isOwnOnly: false))
    }

    @Test("a customer sees his own, unless another of his roles is let in as well")
    func own() {
        func isOwnOnly(_ roles: Set<Role>) -> Bool { AccessTests.rule.verdict(on: Principal(subject: "a", roles: roles)) == .allowed(isOwnOnly: true) }
        #expect(isOwnOnly([.customer]))
        #expect(isOwnOnly([.customer, .warehouse]), "a role that is not let in opens nothing")
        #expect(!isOwnOnly([.customer, .support]))
        #expect(Access.anyRole(.readInventory).verdict(on: Principal(subject: "a", roles: [.customer])) == .allowed(isOwnOnly: false))
    }

    // MARK: - What a gateway says

    private final class Clock: Sendable {
        let seconds = Mutex<Int64>(1_000_000)
        func now() -> Timestamp { Timestamp(milliseconds: seconds.withLock { $0 } * 1000) }
    }

    @Test("a gateway's word says who sends a request, to those who share its secret and for a minute or two")
    func identity() throws {
        let clock = Clock()
        let identity = InternalIdentity(secret: "a secret that processes share") { clock.now() }
        let principals = [
            Principal(subject: "alice \"ü\"", roles: [.customer]), Principal(subject: "k", roles: [.admin, .service], scopes: [.readOrders], kind: .key),
            Principal(subject: "none", roles: [], scopes: [], kind: .client),
        ]
        for principal in principals { #expect(try identity.principal([.internalIdentity: identity.value(for: principal)]) == principal) }
        #expect(try identity.principal([:]) == nil)

        let value = identity.value(for: principals[0])
        let stranger = InternalIdentity(secret: "another secret") { clock.now() }
        #expect(throws: Problem.self) { try stranger.principal([.internalIdentity: value]) }
        clock.seconds.withLock { $0 += 100 }
        #expect(try identity.principal([.internalIdentity: value]) == principals[0])
        clock.seconds.withLock { $0 += 21 }
        #expect(throws: Problem.self) { try identity.principal([.internalIdentity: value]) }
    }

    @Test("a word that was changed, cut, joined or made up is refused and never taken for none")
    func forgeries() throws {
        let identity = InternalIdentity(secret: "a secret that processes share") { Timestamp(milliseconds: 0) }
        let value = identity.value(for: Principal(subject: "alice", roles: [.customer]))
        let parts = value.split(separator: ".").map(String.init)
        let other = identity.value(for: Principal(subject: "alice", roles: [.admin])).split(separator: ".").map(String.init)
        let forgeries = [
            "", ".", "..", value + ".", "." + value, parts[0], parts[0] + ".", "." + parts[1], other[0] + "." + parts[1], parts[0] + "." + other[1],
            value + "A", value + "=", value.uppercased(), value + "." + value, String(repeating: "A", count: 5000), "eyJzdWIiOiJ4In0.AAAA",
        ]
        for forgery in forgeries {
            #expect(throws: Problem.self, "\(forgery)") { try identity.principal([.internalIdentity: forgery]) }
        }
        var twice = HTTPFields()
        twice.append(HTTPField(name: .internalIdentity, value: value))
        twice.append(HTTPField(name: .internalIdentity, value: value))
        #expect(throws: Problem.self) { try identity.principal(twice) }
    }
}
