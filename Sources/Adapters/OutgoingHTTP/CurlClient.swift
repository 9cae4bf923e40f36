import CCurl
import Web

/// Requests to the outside by libcurl: blocking calls on a few threads of their own, which are started when there is something to send.
///
/// Every connection is looked at when its socket is opened, by the address that it really goes to: what a name led to a moment before, or leads to for somebody
/// else, does not count. docs/adr/0033-webhooks.md tells what else is refused.
public final class CurlClient: OutgoingClient {
    /// How much it sends at once, how long it waits, and whom it may reach.
    public struct Configuration: Sendable {
        /// Where requests may go.
        public var policy: AddressPolicy
        /// Most requests that are under way at once.
        public var threads = 32
        /// Most requests that wait for a thread; more are refused.
        public var maximumWaiting = 256
        /// How long making a connection may take.
        public var connectTimeout: Duration = .seconds(5)
        /// What it calls itself (RFC 9110, 10.1.5).
        public var userAgent = "Waybill"
        /// A file of certificates (PEM) that servers' certificates must lead to; nil for those that the system trusts.
        public var certificateAuthorities: String?

        /// The standard values.
        /// - Parameter policy: which addresses may be reached.
        public init(policy: AddressPolicy) { self.policy = policy }
    }

    private let threads: RequestThreads

    /// Nothing is started before the first request.
    public init(_ configuration: Configuration) { threads = RequestThreads(configuration) }

    deinit { threads.stop() }

    /// Sends a request and waits for the answer, whatever its status.
    public func send(_ request: OutgoingRequest) async throws(OutgoingFailure) -> OutgoingAnswer {
        do throws(OutgoingTarget.Refusal) { _ = try OutgoingTarget(request.url, policy: threads.configuration.policy) } catch {
            throw .refused(error.description)
        }
        guard request.headers.allSatisfy(CurlClient.isSafe), CurlClient.isToken(request.method) else { throw .refused("a header is none") }
        let ticket = Ticket(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                ticket.wait(continuation)
                if let failure = threads.add(ticket) { ticket.finish(.failure(failure)) }
            }
        } onCancel: {
            ticket.finish(.failure(.cancelled))
        }
        return try result.get()
    }

    /// Gives up what is under way, and waits until the threads have ended.
    public func close() async {
        threads.stop()
        await threads.ended()
    }

    /// What libcurl would send as it is: a line feed in a value would be the beginning of another header.
    private static func isSafe(_ header: (name: String, value: String)) -> Bool {
        isToken(header.name) && !header.value.isEmpty && header.value.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
    }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
    }
}
