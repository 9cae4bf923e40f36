import Observability
import Resilience
import Storage
import WaybillClient

extension UpstreamPool {
    /// How long `waybill doctor` waits for an instance.
    private static let examinationTimeout: Duration = .seconds(3)

    /// Shows among the metrics what is asked of the service, and what comes of it.
    func register(in registry: PrometheusRegistry) {
        let labels = [("upstream", name)]
        func counter(_ name: String, _ help: String, _ read: @escaping @Sendable (UpstreamState) -> Int) {
            registry.registerCounter(name: "waybill_upstream_" + name, help: help, labels: labels) { [weak self] in
                Double(self?.state.withLock { read($0) } ?? 0)
            }
        }
        func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable (UpstreamState) -> Int) {
            registry.registerGauge(name: "waybill_upstream_" + name, help: help, labels: labels) { [weak self] in
                Double(self?.state.withLock { read($0) } ?? 0)
            }
        }
        counter("requests", "Requests to a service in other processes.", \.requests)
        counter("failures", "Requests that no instance answered, or only with 502 or 504.", \.failures)
        counter("retries", "Second attempts.", \.retries)
        counter("retries_refused", "Second attempts that the retry budget did not allow.", \.unretried)
        counter("refused", "Requests that the open circuit breaker refused.", \.refused)
        counter("ejections", "Times that an instance was left out because it failed.") { $0.balancer.ejections }
        gauge("ejected", "Instances that are left out now.") { $0.balancer.ejected }
        gauge("in_flight", "Requests that are being answered.") { $0.balancer.inFlight(.call) }
        gauge("streams", "Open streams.") { $0.balancer.inFlight(.stream) }
        gauge("breaker", "The circuit breaker: 0 closed, 1 half-open, 2 open.") { $0.breaker?.state.rawValue ?? 0 }
    }

    /// Asks each instance whether it is ready, for `waybill doctor`.
    func examine() async -> [EngineFinding] {
        var findings: [EngineFinding] = []
        for url in urls { findings.append(await examine(url)) }
        return findings
    }

    private func examine(_ url: String) async -> EngineFinding {
        let subject = "upstream \(name)"
        // A pool may be for one question to a service: `inventory-availability`.
        let setting = "upstreams.\(name.prefix { $0 != "-" })"
        guard let client = try? HTTPClient(baseURL: url, maximumConnections: 1, requestTimeout: UpstreamPool.examinationTimeout) else {
            return EngineFinding(.fail, subject, "\(url) is no address", advice: "correct \(setting)")
        }
        let finding: EngineFinding
        do {
            let response = try await client.send(ClientRequest(path: "/health/ready"))
            finding =
                response.status == 200
                ? EngineFinding(.ok, subject, "\(url) is ready")
                : EngineFinding(.warn, subject, "\(url) answers, but is not ready (status \(response.status))", advice: "look at its /health and its log")
        } catch {
            finding = EngineFinding(.fail, subject, "\(url): \(error)", advice: "start it there, or correct \(setting)")
        }
        await client.shutdown()
        return finding
    }
}
