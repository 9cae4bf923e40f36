import WaybillClient
import Wire

/// Looks at a running platform from outside.
struct ExamineServer: Sendable {
    private static let samples = 20
    let api: WaybillAPI
    let url: String
    /// A file of who may vouch for its certificate; nil for whom the system trusts.
    var authorities: String?
    /// Milliseconds since 1970 on this machine.
    let now: @Sendable () -> Int64
    /// Where the token comes from that the API sends.
    var origin = Credentials.Origin.none

    func callAsFunction() async -> [Finding] {
        let health: ClientResponse
        do {
            health = try await api.http.send(ClientRequest(path: "/health"))
        } catch {
            let advice = (error as? ClientError).flatMap { ConnectionRefused.advice($0, at: url) }
            return [.fail("server", "\(url): \(error)", advice ?? "Start a platform with \"waybill serve\", or name the address of one with --url.")]
        }
        var findings = [Finding.ok("server", "\(url) answers")]
        findings.append(report("health", health))
        if let ready = try? await api.http.send(ClientRequest(path: "/health/ready")) { findings.append(report("readiness", ready)) }
        if let latency = await latency() { findings.append(latency) }
        if let access = await access() { findings.append(access) }
        findings.append(ExamineServer.skew(date: health.header("date"), now: now()))
        return findings
    }

    /// Whether the platform asks who one is, and what it thinks of the token at hand.
    private func access() async -> Finding? {
        let question = ClientRequest(path: WaybillAPI.root + "/orders?limit=1")
        guard let stranger = try? HTTPClient(baseURL: url, maximumConnections: 1, requestTimeout: .seconds(5), certificateAuthorities: authorities) else {
            return nil
        }
        let unknown = try? await stranger.send(question)
        await stranger.shutdown()
        guard let unknown else { return nil }
        guard unknown.status == 401 else {
            return .warn("access", "authentication is off", "Whoever reaches this address may do everything. Set auth: required, or see that nobody else does.")
        }
        guard origin != .none else { return .ok("access", "a token is asked for; there is none here to try") }
        do {
            _ = try await api.answer(question)
            return .ok("access", "a token is asked for, and \(origin.words) is accepted")
        } catch {
            return .fail("access", "\(origin.words) is refused", "\(AccessRefused(error, origin)?.description ?? "\(error)")")
        }
    }

    private func report(_ name: String, _ response: ClientResponse) -> Finding {
        let status = (try? JSONParser.parse(response.body))?["status"]?.string ?? "status \(response.status)"
        if response.status == 200 { return .ok(name, status) }
        return .fail(name, "\(status): \(response.text.prefix(300))", "The server's log says what is not as it should be.")
    }

    /// The median of a few requests one after the other.
    private func latency() async -> Finding? {
        var times: [Duration] = []
        for _ in 0..<ExamineServer.samples {
            let begin = ContinuousClock.now
            guard (try? await api.http.send(ClientRequest(path: "/health/live"))) != nil else { return nil }
            times.append(ContinuousClock.now - begin)
        }
        let median = times.sorted()[times.count / 2] / .milliseconds(1)
        let words = "\((median * 100).rounded() / 100) ms (median of \(times.count))"
        return median < 50 ? .ok("latency", words) : .warn("latency", words, "The network is slow, or the server is overloaded.")
    }

    /// The server's `Date` (RFC 9110, 5.6.7) against this machine's clock. It has whole seconds, so two are within its precision.
    static func skew(date: String?, now: Int64) -> Finding {
        guard let date, let there = HTTPDate.milliseconds(date) else {
            return .warn("clock", "the server sends no Date header", "The clocks cannot be compared; look whether both keep time (NTP).")
        }
        // The header is cut, not rounded: on average it is half a second behind.
        let seconds = Double(now - there - 500) / 1000
        let words = "\(abs(seconds) < 2 ? "the same time" : "\((seconds * 10).rounded() / 10) s ahead") on this machine and the server"
        if abs(seconds) < 2 { return .ok("clock", words) }
        let advice = "Set the clocks by NTP: an order's placedAt may lie at most 5 minutes in the server's future."
        return abs(seconds) < 300 ? .warn("clock", words, advice) : .fail("clock", words, advice)
    }
}

/// The date format of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Milliseconds since 1970; nil for anything else.
    static func milliseconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", parts[1].count == 2, let month = months.firstIndex(of: String(parts[2])) else { return nil }
        let number = month + 1
        return Timestamp("\(parts[3])-\(number < 10 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z")?.milliseconds
    }
}
