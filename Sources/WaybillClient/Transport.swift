import NIOHTTP1

/// How requests get to a server and answers back: ``HTTPConnectionPool`` for http, ``EncryptedTransport`` for https. What is said of bounds, deadlines and errors
/// holds for both, and everything that goes on above them (tokens, repetitions, events) is the same.
protocol Transport: Sendable {
    var base: BaseURL { get }
    /// Starts the exchange now or queues it; its continuation tells the end.
    func submit(_ exchange: Exchange)
    /// Sends a request on a connection of its own.
    func open(_ call: StreamCall)
    /// Refuses new and waiting requests, lets those in flight finish, closes their connections. Returns when that is done.
    func shutDown() async
}

/// A request whose response is read as it arrives.
struct StreamCall: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    /// How long the beginning of the response may take.
    let timeout: Duration
    let sink: any StreamSink

    var connectTimeout: Duration { min(timeout, HTTPClient.connectTimeout) }
}
