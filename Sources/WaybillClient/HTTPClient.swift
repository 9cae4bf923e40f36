import NIOCore
import NIOPosix
import Synchronization

/// A small HTTP client for one server, with pooled keep-alive connections: HTTP/1.1, over TLS for `https`.
///
/// It is made for load on the machine that it measures, so it does little per request: no redirects, so that a token goes nowhere else; no cookies, no
/// decompression, no proxies. Over `https` the server's certificate and name are always verified.
/// Call ``shutdown()`` when done; without it the connections stay open until the process ends.
public final class HTTPClient: Sendable {
    /// How many requests may wait for a connection before more are refused.
    public static let maximumWaiting = 65_536
    /// The longest time that opening one connection may take.
    public static let connectTimeout: Duration = .seconds(5)

    private let transport: any Transport
    private let requestTimeout: Duration
    private let tokens: (any TokenProvider)?
    private let streams = Mutex<[ObjectIdentifier: any OpenStream]?>([:])

    /// Makes a client; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - baseURL: `http://host[:port][/prefix]`, or the same with `https`.
    ///   - maximumConnections: connections for ``send(_:timeout:)``, at least 1; each stream has one more of its own.
    ///   - maximumWaiting: how many requests may wait for a connection before more are refused.
    ///   - requestTimeout: the whole time of a request, with waiting for a connection.
    ///   - maximumBodyBytes: the largest response body that ``send(_:timeout:)`` collects, by default 64 MiB.
    ///   - tokens: where the token comes from that goes with every request which has no `Authorization` of its own; nil for none.
    ///   - certificateAuthorities: a file (PEM) of the authorities that alone may vouch for a server that is spoken to with `https`; nil for those that the
    ///     system trusts.
    ///   - group: the threads that do the work for `http`. For `https` the client has one thread of its own.
    /// - Throws: ``ClientError/invalidURL(_:reason:)``; ``ClientError/notSecure(host:port:_:)`` for a file of authorities that cannot be read.
    public init(
        baseURL: String, maximumConnections: Int = 16, maximumWaiting: Int = HTTPClient.maximumWaiting, requestTimeout: Duration = .seconds(30),
        maximumBodyBytes: Int = 64 << 20, tokens: (any TokenProvider)? = nil, certificateAuthorities: String? = nil,
        group: MultiThreadedEventLoopGroup = .singleton
    ) throws(ClientError) {
        self.requestTimeout = requestTimeout
        self.tokens = tokens
        let base = try BaseURL(baseURL)
        let (connections, waiting) = (max(1, maximumConnections), max(0, maximumWaiting))
        if base.isEncrypted {
            let limits = TransferLimits(connections: connections, waiting: waiting, connectTimeout: Self.connectTimeout, bodyBytes: maximumBodyBytes)
            transport = try EncryptedTransport(base: base, limits: limits, authorities: certificateAuthorities)
        } else {
            transport = HTTPConnectionPool(
                base: base, maximumConnections: connections, maximumWaiting: waiting, connectTimeout: Self.connectTimeout, maximumBodyBytes: maximumBodyBytes,
                group: group)
        }
    }

    /// Refuses a text that is no base URL.
    /// - Throws: ``ClientError/invalidURL(_:reason:)``.
    public static func check(baseURL: String) throws(ClientError) { _ = try BaseURL(baseURL) }

    /// Whether a base URL names this machine by its loopback address (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3) or as `localhost`; false for what is no base URL.
    public static func isLoopback(baseURL: String) -> Bool { (try? BaseURL(baseURL))?.isLoopback ?? false }

    /// Whether what is sent to a base URL is encrypted; false for what is no base URL.
    public static func isEncrypted(baseURL: String) -> Bool { (try? BaseURL(baseURL))?.isEncrypted ?? false }

    /// Sends a request and waits for the whole response, whatever its status.
    ///
    /// If a kept connection turns out closed before any part of the response came, the request is sent once more on a new connection,
    /// provided that it may be repeated: an idempotent method, or an `Idempotency-Key` header. If the client's token is refused (401) and another one can be
    /// had, the request, which was not carried out, is sent once more with that.
    /// - Parameter timeout: the whole time of this request; nil for that of the client. Getting a token is not counted.
    /// - Throws: ``ClientError``; `CancellationError` if the task is cancelled (the server may still carry the request out); what the token's provider throws.
    public func send(_ request: ClientRequest, timeout: Duration? = nil) async throws -> ClientResponse {
        guard let tokens, !request.hasCredentials else { return try await exchange(request, timeout) }
        let token = try await tokens.token()
        let response = try await exchange(request.bearing(token), timeout)
        guard response.status == 401, await tokens.isReplaceable(token) else { return response }
        return try await exchange(request.bearing(try await tokens.token()), timeout)
    }

    private func exchange(_ request: ClientRequest, _ timeout: Duration?) async throws -> ClientResponse {
        let exchange = Exchange(request: request, head: try request.head(for: transport.base), timeout: timeout ?? requestTimeout)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if exchange.install(continuation) { transport.submit(exchange) }
            }
        } onCancel: {
            exchange.cancel()
        }
    }

    /// Streams the lines of a response as they arrive, for `text/event-stream` and other endless or chunked bodies.
    ///
    /// The connection is opened by the first `next()` and ended when the response ends, the task is cancelled or the stream is dropped.
    /// The server is only read as fast as the lines are taken. Lines end with LF, CRLF or CR and come without it; the longest is 1 MiB.
    /// The request timeout holds until the response begins.
    /// - Returns: a stream that throws ``ClientError``, a status other than 2xx included. In a cancelled task it either ends or throws
    ///   `CancellationError`, as `AsyncThrowingStream` does.
    public func lines(_ path: String, headers: [(String, String)] = []) -> AsyncThrowingStream<String, any Error> {
        let request = ClientRequest(path: path, headers: headers)
        if let tokens, !request.hasCredentials {
            let lines = AuthorizedLines(tokens) { [self] token in try lineSource(request.bearing(token)) }
            return AsyncThrowingStream { try await lines.next() }
        }
        guard let source = try? lineSource(request) else { return AsyncThrowingStream { throw ClientError.shutDown } }
        return AsyncThrowingStream { try await source.next() }
    }

    /// - Throws: ``ClientError/shutDown``.
    private func lineSource(_ request: ClientRequest) throws(ClientError) -> LineSource {
        let buffer = LineBuffer()
        guard register(buffer) else { throw .shutDown }
        return LineSource(buffer: buffer, request: request, timeout: requestTimeout, transport: transport)
    }

    /// Sends a request on a connection of its own and returns as soon as the response begins, whatever its status; the body is read as it arrives.
    ///
    /// A token that is refused is not replaced here: the status is for the caller to see.
    /// The server is only read as fast as the pieces are taken. A stream that is idle stays open; a peer that is gone without a word is found out by the
    /// system's keep-alive.
    /// - Parameters:
    ///   - timeout: how long the beginning of the response may take; nil for the client's request timeout.
    ///   - onEnd: called once when the stream has ended, from any thread; not when this throws.
    /// - Throws: ``ClientError``; `CancellationError` if the task is cancelled before the response begins.
    public func stream(_ request: ClientRequest, timeout: Duration? = nil, onEnd: @escaping @Sendable () -> Void = {}) async throws -> StreamedResponse {
        var request = request
        if let tokens, !request.hasCredentials { request = request.bearing(try await tokens.token()) }
        let head = try request.head(for: transport.base)
        let buffer = PieceBuffer()
        guard register(buffer) else { throw ClientError.shutDown }
        let source = PieceSource(buffer: buffer, head: head, body: request.body, timeout: timeout ?? requestTimeout, transport: transport)
        return StreamedResponse(head: try await source.open(), buffer: buffer, onEnd: onEnd)
    }

    /// Ends all streams, as ``shutdown()`` does, while requests go on.
    public func endStreams() {
        for stream in streams.withLock({ Array(($0 ?? [:]).values) }) { stream.end(.failure(ClientError.shutDown)) }
    }

    /// Notes an open stream. False when the client was shut down.
    private func register(_ stream: some OpenStream) -> Bool {
        let isOpen = streams.withLock { streams in
            streams?[ObjectIdentifier(stream)] = stream
            return streams != nil
        }
        if isOpen { stream.onEnd { [weak self, id = ObjectIdentifier(stream)] in self?.streams.withLock { _ = $0?.removeValue(forKey: id) } } }
        return isOpen
    }

    /// Refuses new requests, ends all streams, lets requests in flight finish, closes every connection. Safe to call twice.
    public func shutdown() async {
        let open = streams.withLock { streams in
            defer { streams = nil }
            return streams ?? [:]
        }
        for stream in open.values { stream.end(.failure(ClientError.shutDown)) }
        await transport.shutDown()
    }
}
