import Synchronization
import TestTokens
import Testing
import Wire

@testable import Security

@Suite("Keys from an address")
struct JWKSourceTests {
    private let forge: Forge

    init() throws { forge = try Forge() }

    @Test("keys are fetched at once; who asks before that waits")
    func first() async throws {
        let server = KeyServer(forge.set.document)
        try await server.serve { source in
            #expect(await source.key(id: forge.es256.id)?.id == forge.es256.id)
            #expect(await source.key(id: forge.rs256.id)?.id == forge.rs256.id)
            #expect(server.fetches == 1)
            #expect(source.version == 1)
        }
    }

    @Test("an unknown name has keys fetched at once, and then not for five minutes; a known one does not")
    func unknownName() async throws {
        let server = KeyServer(KeySet([forge.es256.verificationKey]).document)
        try await server.serve { source in
            #expect(await source.key(id: forge.es256.id) != nil)
            server.document(forge.set.document)
            #expect(await source.key(id: forge.rs256.id) != nil)
            #expect(source.version == 2)
            for number in 0..<100 { #expect(await source.key(id: "unknown-\(number)") == nil) }
            #expect(server.fetches == 2)
            server.advance(by: 299_999)
            #expect(await source.key(id: "unknown") == nil)
            #expect(server.fetches == 2)
            server.advance(by: 1)
            #expect(await source.key(id: "unknown") == nil)
            #expect(server.fetches == 3)
            #expect(source.version == 2)
        }
    }

    @Test("many who ask for the same unknown name at once make one fetch, and all have the key")
    func singleFlight() async throws {
        let server = KeyServer(KeySet([forge.es256.verificationKey]).document)
        try await server.serve { source in
            #expect(await source.key(id: forge.es256.id) != nil)
            server.document(forge.set.document)
            let found = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { await source.key(id: forge.eddsa.id) != nil } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(found == 50)
            #expect(server.fetches == 2)
        }
    }

    @Test("when the address is down, what is known goes on being good, and is fetched when it is back")
    func addressIsDown() async throws {
        let server = KeyServer(forge.set.document)
        try await server.serve { source in
            #expect(await source.key(id: forge.es256.id) != nil)
            server.document(nil)
            for _ in 0..<20 {
                server.advance(by: 3_600_000)
                #expect(await source.key(id: forge.es256.id) != nil)
            }
            #expect(await source.key(id: "unknown") == nil)
            #expect(source.version == 1)
            server.document(KeySet([forge.rs256.verificationKey]).document)
            server.advance(by: 3_600_000)
            // Keys this old are not believed before they were asked for again.
            #expect(await source.key(id: forge.es256.id) == nil)
            #expect(await source.key(id: forge.rs256.id) != nil)
            #expect(source.version == 2)
        }
    }

    @Test("before any keys were heard of tokens are not refused for good, and the address is asked again within a second")
    func firstKeys() async throws {
        let server = KeyServer(nil)
        try await server.serve { source in
            let verifier = TokenVerifier(keys: source, issuers: [Forge.issuer], audience: "waybill") { Forge.now }
            let token = try forge.token(forge.es256)
            #expect(!source.isReady)
            #expect(await refusal(of: token, by: verifier) == .keysUnavailable)
            server.document(forge.set.document)
            server.advance(by: 1_000)
            _ = try await verifier.verify(token)
            #expect(source.isReady)
        }
    }

    @Test("a key that was taken back is missed where all tokens were seen before")
    func revocation() async throws {
        let server = KeyServer(forge.set.document)
        try await server.serve { source in
            let verifier = TokenVerifier(keys: source, issuers: [Forge.issuer], audience: "waybill") { Forge.now }
            let token = try forge.token(forge.es256)
            // The first time it is verified while the keys are fetched, which does not count.
            for _ in 0..<2 { _ = try await verifier.verify(token) }
            #expect(verifier.cached(token) != nil)
            server.document(KeySet([forge.rs256.verificationKey]).document)
            server.advance(by: 600_000)
            let deadline = ContinuousClock.now + .seconds(20)
            while verifier.cached(token) != nil, ContinuousClock.now < deadline { await Task.yield() }
            #expect(verifier.cached(token) == nil)
            #expect(await refusal(of: token, by: verifier) == .unknownKey)
        }
    }

    @Test("documents that are no sets of keys change nothing")
    func nonsense() async throws {
        let server = KeyServer(forge.set.document)
        try await server.serve { source in
            #expect(await source.key(id: forge.es256.id) != nil)
            let documents = [
                "", "<html>", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}]}",
                String(repeating: " ", count: KeySet.maximumLength + 1),
            ]
            for text in documents {
                server.document(Array(text.utf8))
                server.advance(by: 3_600_000)
                #expect(await source.key(id: forge.es256.id) != nil)
            }
            #expect(server.fetches == 1 + documents.count)
            #expect(server.outcomes.dropFirst().allSatisfy { if case .failed = $0 { true } else { false } })
            #expect(source.version == 1)
        }
    }

    @Test("a set has at most 100 keys, and keys that cannot be used are left out")
    func bounds() throws {
        let one = String(decoding: forge.es256.publicJWK, as: UTF8.self)
        func set(_ keys: [String]) -> [UInt8] { Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8) }
        #expect(throws: UnusableKey.self) { try KeySet(jwks: set([String](repeating: one, count: 101))) }
        let mixed = try KeySet(jwks: set(["5", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", one, "{}"]))
        #expect(mixed.keys.map(\.id) == [forge.es256.id])
        #expect(mixed.ignored.count == 3)
    }

    @Test("nobody waits longer than his patience, where nobody fetches")
    func patience() async {
        var pace = JWKSource.Pace()
        pace.patience = .milliseconds(10)
        let source = JWKSource(pace: pace, now: { Forge.now }, fetch: { [] })
        #expect(await source.key(id: "x") == nil)
    }

    @Test("a fetch that never ends is given up")
    func endlessFetch() async {
        var pace = JWKSource.Pace()
        pace.fetchLimit = .milliseconds(10)
        let fetch: @Sendable () async throws -> [UInt8] = {
            try await Task.sleep(for: .seconds(3_600))
            return []
        }
        let source = JWKSource(pace: pace, now: { Forge.now }, fetch: fetch)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await source.run() }
            #expect(await source.key(id: "x") == nil)
            group.cancelAll()
        }
    }

    @Test("keys that are getting old are used while they are fetched")
    func schedule() throws {
        var schedule = JWKSchedule(JWKSource.Pace())
        func at(_ seconds: Int64) -> Timestamp { Forge.now.advanced(byMilliseconds: seconds * 1_000) }
        func describe(_ answer: JWKSchedule.Answer) -> String {
            switch answer {
            case .known(let key): key == nil ? "no" : "known"
            case .stale: "stale"
            case .wait: "wait"
            }
        }
        let id = forge.es256.id
        var dialogue: [String] = []
        func look(_ seconds: Int64, _ name: String? = nil) { dialogue.append(describe(schedule.look(for: name ?? id, at: at(seconds)))) }
        func start(_ seconds: Int64) { dialogue.append(schedule.startLoad(at: at(seconds)) ? "load" : "idle") }
        look(0)
        start(0)
        start(0)
        look(1)
        _ = schedule.finishLoad(forge.set, at: at(1))
        look(2)
        look(600)
        look(601)
        start(601)
        look(601)
        schedule.failLoad()
        look(610)
        look(611)
        start(611)
        _ = schedule.finishLoad(forge.set, at: at(612))
        look(613, "other")
        start(613)
        schedule.failLoad()
        look(614, "other")
        look(1_812)
        #expect(
            dialogue == ["wait", "load", "idle", "wait", "known", "known", "stale", "load", "known", "known", "stale", "load", "wait", "load", "no", "wait"])
        #expect(schedule.version == 1)
    }
}

/// An address that a test fills, and a clock that it moves.
private final class KeyServer: Sendable {
    private struct Down: Error {}
    private struct State {
        var document: [UInt8]?
        var now = Forge.now
        var fetches = 0
        var outcomes: [JWKSource.Outcome] = []
    }
    private let state: Mutex<State>

    init(_ document: [UInt8]?) { state = Mutex(State(document: document)) }

    var fetches: Int { state.withLock { $0.fetches } }
    var outcomes: [JWKSource.Outcome] { state.withLock { $0.outcomes } }
    func document(_ document: [UInt8]?) { state.withLock { $0.document = document } }
    func advance(by milliseconds: Int64) { state.withLock { $0.now = $0.now.advanced(byMilliseconds: milliseconds) } }

    private func fetch() throws -> [UInt8] {
        try state.withLock { state in
            state.fetches += 1
            guard let document = state.document else { throw Down() }
            return document
        }
    }

    /// Has a source fetch from here while the body runs.
    func serve(_ body: @Sendable (JWKSource) async throws -> Void) async throws {
        let source = JWKSource(
            now: { self.state.withLock { $0.now } }, report: { outcome in self.state.withLock { $0.outcomes.append(outcome) } }, fetch: { try self.fetch() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await source.run() }
            try await body(source)
            group.cancelAll()
        }
    }
}
