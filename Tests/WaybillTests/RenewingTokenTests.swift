import Synchronization
import Testing
import WaybillClient

@Suite("Tokens that are renewed")
struct RenewingTokenTests {
    /// A clock that is set by hand, and an issuer that counts.
    private final class World: Sendable {
        struct State {
            var now = ContinuousClock.now
            var issued = 0
            var failure: (any Error)?
            var lifetime: Duration? = .seconds(900)
        }
        let state = Mutex(State())

        var issued: Int { state.withLock { $0.issued } }
        func pass(_ time: Duration) { state.withLock { $0.now += time } }
        func fail(_ error: (any Error)?) { state.withLock { $0.failure = error } }

        func token() -> RenewingToken {
            RenewingToken(
                now: { self.state.withLock { $0.now } },
                renew: {
                    try self.state.withLock { state in
                        if let failure = state.failure { throw failure }
                        state.issued += 1
                        return IssuedToken("token-\(state.issued)", lifetime: state.lifetime)
                    }
                })
        }
    }

    @Test("A token is used until a minute, or a tenth of its time, is left")
    func margin() async throws {
        let world = World()
        let token = world.token()
        #expect(try await token.token() == "token-1")
        world.pass(.seconds(839))
        #expect(try await token.token() == "token-1")
        world.pass(.seconds(1))
        #expect(try await token.token() == "token-2")
        world.state.withLock { $0.lifetime = .seconds(10) }
        world.pass(.seconds(900))
        #expect(try await token.token() == "token-3")
        world.pass(.milliseconds(8900))
        #expect(try await token.token() == "token-3")
        world.pass(.milliseconds(100))
        #expect(try await token.token() == "token-4")
    }

    @Test("A token of which nobody says how long it holds is kept until it is refused")
    func endless() async throws {
        let world = World()
        world.state.withLock { $0.lifetime = nil }
        let token = world.token()
        #expect(try await token.token() == "token-1")
        world.pass(.seconds(1_000_000))
        #expect(try await token.token() == "token-1")
        #expect(await token.isReplaceable("token-1"))
        #expect(try await token.token() == "token-2")
    }

    @Test("A refused token is replaced unless it is new: the next one would be refused as well")
    func refused() async throws {
        let world = World()
        let token = world.token()
        _ = try await token.token()
        #expect(await !token.isReplaceable("token-1"))
        world.pass(.seconds(5))
        #expect(await token.isReplaceable("token-1"))
        #expect(try await token.token() == "token-2")
        // Another request was refused with the old one, which has a successor already.
        #expect(await token.isReplaceable("token-1"))
        #expect(try await token.token() == "token-2" && world.issued == 2)
    }

    @Test("While renewals fail the old token is used as long as it holds, and the issuer is asked once a second")
    func issuerAway() async throws {
        let world = World()
        let token = world.token()
        _ = try await token.token()
        world.fail(ClientError.connectionClosed)
        world.pass(.seconds(850))
        #expect(try await token.token() == "token-1")
        world.fail(nil)
        #expect(try await token.token() == "token-1")
        world.pass(.seconds(1))
        #expect(try await token.token() == "token-2")
        world.fail(ClientError.connectionClosed)
        world.pass(.seconds(900))
        await #expect(throws: ClientError.connectionClosed) { try await token.token() }
    }

    @Test("Many who ask at once cause one renewal, and share its failure")
    func single() async throws {
        let gate = Gate()
        let calls = Mutex(0)
        let token = RenewingToken {
            calls.withLock { $0 += 1 }
            try await gate.pass()
            return IssuedToken("shared", lifetime: .seconds(900))
        }
        func ask(_ count: Int) async -> [Result<String, any Error>] {
            let before = calls.withLock { $0 }
            gate.close()
            return await withTaskGroup(of: Result<String, any Error>.self) { group in
                for _ in 0..<count {
                    group.addTask { do { return .success(try await token.token()) } catch { return .failure(error) } }
                }
                await gate.open(after: { calls.withLock { $0 } > before })
                var results: [Result<String, any Error>] = []
                for await result in group { results.append(result) }
                return results
            }
        }
        gate.failure.withLock { $0 = ClientError.connectionClosed }
        let failed = await ask(20)
        #expect(failed.allSatisfy { (try? $0.get()) == nil })
        gate.failure.withLock { $0 = nil }
        let before = calls.withLock { $0 }
        let answers = await ask(20)
        #expect(answers.allSatisfy { (try? $0.get()) == "shared" })
        #expect(calls.withLock { $0 } == before + 1)
    }

    @Test("Who renews and is cancelled leaves it to the others")
    func cancelled() async throws {
        let calls = Mutex(0)
        let token = RenewingToken {
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call == 1 { try await Task.sleep(for: .seconds(600)) }
            return IssuedToken("token-\(call)", lifetime: .seconds(900))
        }
        let first = Task { try await token.token() }
        while calls.withLock({ $0 }) == 0 { await Task.yield() }
        async let second = token.token()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        let value = try await second
        #expect(value == "token-2")
    }

    @Test("Tokens do not get into texts")
    func texts() {
        let issued = IssuedToken("secret", lifetime: .seconds(1), refreshToken: "secret")
        #expect(!"\(StaticToken("secret")) \(issued) \(String(reflecting: StaticToken("secret"))) \(String(reflecting: issued))".contains("secret"))
    }
}

/// Lets nobody through until it is opened.
private final class Gate: Sendable {
    let failure = Mutex<(any Error)?>(nil)
    private let isOpen = Mutex(false)

    func close() { isOpen.withLock { $0 = false } }

    func open(after condition: @Sendable () -> Bool) async {
        while !condition() { await Task.yield() }
        isOpen.withLock { $0 = true }
    }

    func pass() async throws {
        while !isOpen.withLock({ $0 }) { await Task.yield() }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
