import Resilience
import Testing
import WaybillClient

@testable import Platform

@Suite("What an attempt shows")
struct UpstreamVerdictTests {
    private func line(_ name: String, _ verdict: UpstreamVerdict) -> String { "\(name): \(verdict.instance), \(verdict.service), \(verdict.repetition)" }

    @Test("every outcome is judged as the table says")
    func table() {
        var lines: [String] = []
        for status in [200, 304, 404, 409, 429, 500, 501, 502, 503, 504] {
            lines.append(line("\(status)", UpstreamVerdict(status: status, hadFullTime: true)))
        }
        lines.append(line("504 in a hurry", UpstreamVerdict(status: 504, hadFullTime: false)))
        let errors: [(String, ClientError)] = [
            ("no connection", .cannotConnect(host: "x", port: 1, reason: "refused")), ("no connection in time", .timedOut(.connection, after: .zero)),
            ("no answer in time", .timedOut(.response, after: .zero)), ("closed", .connectionClosed), ("too many waiting", .tooManyWaiting(1)),
            ("not HTTP", .malformedResponse("")), ("too large", .tooLarge(limitBytes: 1)), ("shut down", .shutDown), ("invalid", .invalidRequest("")),
        ]
        for (name, error) in errors { lines.append(line(name, UpstreamVerdict(error: error, hadFullTime: true))) }
        for (name, error) in errors.prefix(3) { lines.append(line(name + " in a hurry", UpstreamVerdict(error: error, hadFullTime: false))) }
        let expected = """
            200: success, answers, never
            304: success, answers, never
            404: success, answers, never
            409: success, answers, never
            429: success, answers, never
            500: failure, answers, never
            501: success, answers, never
            502: failure, fails, ifRepeatable
            503: busy, answers, ifRepeatable
            504: failure, fails, ifRepeatable
            504 in a hurry: unknown, unknown, never
            no connection: failure, fails, always
            no connection in time: failure, fails, always
            no answer in time: failure, fails, ifRepeatable
            closed: failure, fails, ifRepeatable
            too many waiting: busy, unknown, always
            not HTTP: failure, fails, never
            too large: failure, fails, never
            shut down: unknown, unknown, never
            invalid: unknown, unknown, never
            no connection in a hurry: failure, fails, always
            no connection in time in a hurry: unknown, unknown, always
            no answer in time in a hurry: unknown, unknown, never
            """
        #expect(lines.joined(separator: "\n") == expected)
    }

    @Test("what is repeatable reads, replaces, or has a key")
    func repeatable() {
        for method in ["GET", "HEAD", "PUT"] { #expect(UpstreamPool.isRepeatable(ClientRequest(method: method, path: "/"))) }
        for method in ["POST", "DELETE", "PATCH"] {
            #expect(!UpstreamPool.isRepeatable(ClientRequest(method: method, path: "/")))
            #expect(UpstreamPool.isRepeatable(ClientRequest(method: method, path: "/", headers: [("idempotency-KEY", "k")])))
        }
    }
}
