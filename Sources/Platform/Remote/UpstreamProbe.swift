import WaybillClient

/// Whether a service that runs elsewhere has an instance that is ready, asked as a load balancer asks: on a connection of its own, so that a pool that is full says nothing.
struct UpstreamProbe: Sendable {
    private static let timeout: Duration = .seconds(2)

    let service: String
    let urls: [String]

    /// Returns as soon as one of them says that it is ready.
    /// - Throws: ``PlatformError`` with what each of them said.
    func callAsFunction() async throws {
        var answers: [String] = []
        for url in urls {
            try Task.checkCancellation()
            guard let answer = await UpstreamProbe.problem(of: url) else { return }
            answers.append("\(url): \(answer)")
        }
        throw PlatformError("no instance of \(service) is ready: \(answers.joined(separator: "; "))")
    }

    private static func problem(of url: String) async -> String? {
        let client: HTTPClient
        do { client = try HTTPClient(baseURL: url, maximumConnections: 1, requestTimeout: timeout) } catch { return "\(error)" }
        let problem: String?
        do {
            let status = try await client.send(ClientRequest(path: "/health/ready")).status
            problem = status == 200 ? nil : "status \(status)"
        } catch { problem = "\(error)" }
        await client.shutdown()
        return problem
    }
}
