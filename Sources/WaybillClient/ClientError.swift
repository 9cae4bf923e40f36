/// Why a request got no usable answer.
///
/// A response with a 4xx or 5xx status is an answer, not a `ClientError`; only ``HTTPClient/lines(_:headers:)``, which has no place for a
/// status, reports one as ``unexpectedStatus(_:body:)``. A cancelled task gets `CancellationError`.
public enum ClientError: Error, Equatable, Sendable {
    /// The base URL cannot be used; the text says what is wrong with it.
    case invalidURL(String, reason: String)
    /// The request cannot be written as HTTP (RFC 9112): a line break in a header, a blank in the path.
    case invalidRequest(String)
    /// No TCP connection could be opened.
    case cannotConnect(host: String, port: Int, reason: String)
    /// There is somebody at the address, but no secure connection with whom it should be. Nothing was sent.
    case notSecure(host: String, port: Int, TLSFailure)
    /// The answer, or the connection, did not come in time.
    case timedOut(Wait, after: Duration)
    /// The server closed the connection before the response was complete. The request may have been carried out.
    case connectionClosed
    /// A response body or a line exceeded its limit in bytes.
    case tooLarge(limitBytes: Int)
    /// The server's bytes are not HTTP.
    case malformedResponse(String)
    /// A stream was answered with a status other than 2xx; the body is its first 4 KiB.
    case unexpectedStatus(Int, body: String)
    /// So many requests already wait for a connection that one more would only make all of them later.
    case tooManyWaiting(Int)
    /// The client was shut down.
    case shutDown

    /// What was waited for when the time ran out.
    public enum Wait: String, Sendable {
        case connection = "a connection"
        case response = "the response"
    }
}

extension ClientError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .invalidURL(let url, let reason): "The URL \"\(url)\" cannot be used: \(reason)."
        case .invalidRequest(let reason): "The request cannot be sent: \(reason)."
        case .cannotConnect(let host, let port, let reason): "Cannot connect to \(host), port \(port): \(reason)."
        case .notSecure(let host, let port, let failure): "There is no secure connection to \(host), port \(port): \(failure)."
        case .timedOut(let wait, let time): "Waited \(time) for \(wait.rawValue), and it did not come."
        case .connectionClosed: "The server closed the connection before its response was complete."
        case .tooLarge(let limit): "The response is larger than the limit of \(limit) bytes."
        case .malformedResponse(let reason): "The server's response is not valid HTTP: \(reason)."
        case .unexpectedStatus(let status, let body): "The server answered with status \(status)\(body.isEmpty ? "" : ": " + body)."
        case .tooManyWaiting(let count): "\(count) requests already wait for a connection."
        case .shutDown: "The client was shut down."
        }
    }
}
