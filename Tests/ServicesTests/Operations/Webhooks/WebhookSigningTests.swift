import Testing
import Web
import Wire

@testable import Operations

/// Signatures against those of the specification's reference implementation (`standardwebhooks` 1.0 on PyPI), and decisions about retries.
@Suite struct WebhookSigningTests {
    /// The bytes of `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLgSw`.
    private static let secret = WebhookSecret(bytes: [
        0x31, 0xF2, 0x90, 0xF6, 0xBF, 0x06, 0x29, 0x8A, 0xAB, 0x4F, 0x08, 0xD4, 0x3C, 0x3F, 0x08, 0x2C, 0xF6, 0x48, 0xA3, 0x62, 0xDA, 0x2E, 0x04, 0xB0,
    ])

    @Test(
        arguments: [
            (#"{"test": 2432232314}"#, "v1,n3satwZU++zZaL0j+gYc1j5MG8XDxjrX9T2vp29cB5s="),
            (#"{"test": 2432232315}"#, "v1,fjao+1Dm8k8SMAGK+dR0vv/jWgVKI6+xDb2Uq1fuqpI="),
            (#"{"type":"OrderPaid","data":{"name":"Kaffee für zwei"}}"#, "v1,QxnxsTbJFLJivZNrqksDXr+w4St5w9mTigU9FLs+Qc4="),
        ])
    func `A message is signed as the reference implementation signs it`(body: String, signature: String) {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
        #expect(WebhookSigningTests.secret.signature(id: id, timestamp: 1_614_265_330, body: Array(body.utf8)) == signature)
        #expect(WebhookSigningTests.secret.text == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLgSw")
    }

    @Test func `Base64 has its padding`() {
        // RFC 4648, 10.
        for (text, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] { #expect(Base64.encode(Array(text.utf8)) == encoded) }
        #expect(Base64.encode([0xFB, 0xFF, 0xFE]) == "+//+")
    }

    private static let begun = Timestamp(milliseconds: 1_763_730_000_000)

    private func verdict(
        _ outcome: WebhookRetry.Outcome, tries: Int64 = 1, age: Int64 = 0, isTest: Bool = false, random: UInt64 = 0
    ) -> WebhookRetry.Verdict {
        WebhookRetry.verdict(
            on: outcome, tries: tries, createdAt: WebhookSigningTests.begun, now: WebhookSigningTests.begun.advanced(byMilliseconds: age), isTest: isTest,
            random: random)
    }

    @Test func `Retries spread over nearly three days, each a little earlier than planned`() {
        for random in [UInt64.min, .max / 3, .max] {
            var total: Int64 = 0
            for (index, seconds) in WebhookRetry.seconds.enumerated() {
                guard case .again(let milliseconds, false) = verdict(.unanswered, tries: Int64(index) + 1, age: total, random: random) else {
                    Issue.record("attempt \(index + 1) is the last")
                    return
                }
                #expect((seconds * 900...seconds * 1000).contains(milliseconds))
                total += milliseconds
            }
            #expect((64 * 3_600_000...72 * 3_600_000).contains(total))
            #expect(verdict(.unanswered, tries: 10, age: total, random: random) == .givenUp)
        }
        for tries in [Int64.min, 0, 11, .max] { #expect(verdict(.unanswered, tries: tries) == .givenUp) }
    }

    @Test func `What is old has three chances all the same`() {
        let old = WebhookRetry.ageMilliseconds
        #expect(verdict(.unanswered, tries: 2, age: old) == .again(milliseconds: 300_000, isHeld: false))
        #expect(verdict(.unanswered, tries: 3, age: old) == .givenUp)
        #expect(verdict(.unanswered, tries: 3, age: old - 1) == .again(milliseconds: 1_800_000, isHeld: false))
    }

    @Test func `Only success is success, and an endpoint that is gone or busy is believed`() {
        for status in [Int64(200), 202, 204, 299] { #expect(verdict(.answered(status: status, retryAfterMilliseconds: nil)) == .delivered) }
        for status in [Int64(199), 301, 302, 307, 400, 401, 404, 500, 502] {
            let verdict = verdict(.answered(status: status, retryAfterMilliseconds: 60_000))
            #expect(verdict == .again(milliseconds: 5000, isHeld: false), "\(status)")
        }
        #expect(verdict(.answered(status: 410, retryAfterMilliseconds: nil)) == .gone)
        for status in [Int64(429), 503] {
            #expect(verdict(.answered(status: status, retryAfterMilliseconds: 90_000)) == .again(milliseconds: 90_000, isHeld: true))
            #expect(verdict(.answered(status: status, retryAfterMilliseconds: 1)) == .again(milliseconds: 5000, isHeld: true))
            #expect(verdict(.answered(status: status, retryAfterMilliseconds: .max)) == .again(milliseconds: 86_400_000, isHeld: true))
            #expect(verdict(.answered(status: status, retryAfterMilliseconds: nil)) == .again(milliseconds: 5000, isHeld: false))
        }
        #expect(verdict(.unanswered, isTest: true) == .givenUp)
    }

    @Test func `Retry-After is seconds or a moment`() throws {
        let now = try #require(Timestamp("1994-11-06T08:49:00Z"))
        for (text, milliseconds) in [
            ("0", Int64(0)), ("120", 120_000), ("Sun, 06 Nov 1994 08:49:37 GMT", 37_000), ("Sun, 06 Nov 1994 08:48:37 GMT", 0), ("999999999", 999_999_999_000),
        ] { #expect(WebhookRetry.retryAfter(text, now: now) == milliseconds, "\(text)") }
        for text in ["", "-1", "1.5", "soon", "9999999999", "Sun, 06 Nuv 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "06 Nov 1994"] {
            #expect(WebhookRetry.retryAfter(text, now: now) == nil, "\(text)")
        }
    }

    @Test func `An answer is kept as text that can be shown anywhere`() {
        #expect(WebhookAttempt.text([]) == nil)
        #expect(WebhookAttempt.text(Array("a\u{0}b\u{1B}[31m\r\nc".utf8)) == "a\u{FFFD}b\u{FFFD}[31m\u{FFFD}\nc")
        #expect(WebhookAttempt.text([0xFF, 0x41]) == "\u{FFFD}A")
        #expect(WebhookAttempt.text(Array(repeating: 0x41, count: 5000))?.utf8.count == 1024)
    }
}
