import Foundation
import TestTokens
import Testing

@testable import Security

@Suite("Passwords")
struct PasswordTests {
    @Test("scrypt gives the keys of RFC 7914")
    func vectors() {
        let first = "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        #expect(Passwords.derive([], salt: [], cost: .init(logN: 4, r: 1, p: 1), length: 64) == hex(first))
        let second = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        #expect(Passwords.derive(Array("password".utf8), salt: Array("NaCl".utf8), cost: .init(logN: 10, r: 8, p: 16), length: 64) == hex(second))
    }

    @Test("a password is told from others, and is kept in another form each time")
    func roundTrip() async throws {
        for password in ["correct horse battery staple", "pässwörd 🙂", "a", String(repeating: "x", count: Passwords.maximumLength)] {
            let kept = try await Passwords.hash(password, cost: .cheap)
            let again = try await Passwords.hash(password, cost: .cheap)
            #expect(kept != again)
            #expect(!kept.contains(password) || password == "a")
            for other in [password + "x", String(password.dropLast()), "", password + "\u{0}"] {
                let isAccepted = try await Passwords.verify(other, against: kept)
                #expect(!isAccepted, "\(other)")
            }
            let isAccepted = try await Passwords.verify(password, against: kept)
            #expect(isAccepted)
        }
    }

    @Test("the cost that is used is one that OWASP names, and every password is computed at the cost it is kept with")
    func cost() async throws {
        #expect(Passwords.Cost.standard == .init(logN: 15, r: 8, p: 3))
        let kept = try await Passwords.hash("secret")
        #expect(kept.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        let (right, decoy) = (try await Passwords.verify("secret", against: kept), try await Passwords.verify("secret", against: Passwords.decoy))
        #expect(right)
        #expect(!decoy)
        #expect(PasswordHash(Passwords.decoy)?.cost == .standard)
    }

    @Test("passwords that are empty, endless or not text are not kept")
    func lengths() async {
        for password in ["", String(repeating: "x", count: Passwords.maximumLength + 1), "with\u{0}NUL", "NUL\u{0}"] {
            await #expect(throws: Passwords.Refusal.unacceptable) { try await Passwords.hash(password, cost: .cheap) }
        }
    }

    @Test("what is kept in another form, or at a cost that takes the machine, is nobody's password")
    func unreadable() async throws {
        let good = try await Passwords.hash("secret", cost: .cheap)
        let texts = [
            "", "secret", "$", good + "$", String(good.dropFirst()), good.replacing("scrypt", with: "argon2id"), good.replacing("ln=10", with: "ln=18"),
            good.replacing("ln=10", with: "ln=63"),
            good.replacing("ln=10", with: "ln=-1"), good.replacing("ln=10", with: "ln=0"), good.replacing("r=8", with: "r=0"),
            good.replacing("r=8", with: "r=99999999999999999999"),
            good.replacing("p=1", with: "p=17"), good.replacing("r=8,p=1", with: "p=1,r=8"), good.replacing("ln=10,", with: ""), good + "=", good + "-",
            good + "!",
            "$scrypt$ln=10,r=8,p=1$$", "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAA$", "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAA$AAAA", String(repeating: "$", count: 100_000),
        ]
        for text in texts {
            let isAccepted = try await Passwords.verify("secret", against: text)
            #expect(!isAccepted, "\(text.prefix(60))")
            #expect(PasswordHash(text) == nil, "\(text.prefix(60))")
        }
    }

    @Test("passwords wait in a line that is bounded, and are refused beyond it")
    func boundedLine() async throws {
        let worker = PasswordWorker(capacity: 2)
        defer { worker.stop() }
        let gate = DispatchSemaphore(value: 0)
        let (begun, begin) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                try await worker.run {
                    begin.yield()
                    gate.wait()
                    return 0
                }
            }
            for await _ in begun { break }
            for number in 1...2 { group.addTask { try await worker.run { number } } }
            let deadline = ContinuousClock.now + .seconds(10)
            while worker.waiting < 2, ContinuousClock.now < deadline { await Task.yield() }
            await #expect(throws: Passwords.Refusal.busy) { try await worker.run { 3 } }
            gate.signal()
            let results = try await group.reduce(into: []) { $0.append($1) }
            #expect(results.sorted() == [0, 1, 2])
        }
        let afterwards = try await worker.run { 4 }
        #expect(afterwards == 4)
    }
}
