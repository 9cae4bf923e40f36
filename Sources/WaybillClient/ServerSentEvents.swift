/// One event of a `text/event-stream` (WHATWG HTML, 9.2).
public struct ServerSentEvent: Sendable, Equatable {
    /// The id that holds at this event: its own or that of an earlier one; empty if there was none.
    public let id: String
    /// The type, `message` if the server gave none.
    public let event: String
    /// The data lines, joined by line feeds.
    public let data: String

    /// Makes an event, for tests and servers.
    public init(id: String, event: String, data: String) {
        self.id = id
        self.event = event
        self.data = data
    }
}

/// Turns the lines of an event stream into events (WHATWG HTML, 9.2.6). Feed it each line without its line end.
public struct ServerSentEventParser: Sendable {
    /// The id of the last event; a client that reconnects sends it as `Last-Event-ID`.
    public private(set) var lastEventID = ""
    /// The pause before a reconnection that the server asked for last.
    public private(set) var reconnectionTime: Duration?
    private var event = ""
    private var data: String?
    private var pendingID = ""
    private var isFirstLine = true

    /// A parser at the beginning of a stream.
    public init() {}

    /// Takes one line; returns an event when the line is the empty one that ends it.
    ///
    /// Comments, unknown fields and an event without data give nothing. An event that the stream's end cuts off is never returned.
    public mutating func feed(_ line: String) -> ServerSentEvent? {
        // By scalars: "\u{FEFF}" is a byte order mark, which may only stand at the very beginning.
        var scalars = line.unicodeScalars[...]
        if isFirstLine, scalars.first == "\u{FEFF}" { scalars = scalars.dropFirst() }
        isFirstLine = false
        if scalars.isEmpty { return dispatch() }
        let name = scalars.prefix { $0 != ":" }
        var value = scalars.dropFirst(name.count).dropFirst()
        if value.first == " " { value = value.dropFirst() }
        take(field: String(name), value: String(value))
        return nil
    }

    private mutating func take(field: String, value: String) {
        switch field {
        case "event": event = value
        case "data": data = data.map { $0 + "\n" + value } ?? value
        case "id" where !value.unicodeScalars.contains("\0"): pendingID = value
        case "retry":
            if !value.isEmpty, value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let time = Int64(value) {
                reconnectionTime = .milliseconds(time)
            }
        default: break  // A comment (empty name) or a field of a later version.
        }
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            event = ""
            data = nil
        }
        lastEventID = pendingID
        guard let data else { return nil }
        return ServerSentEvent(id: lastEventID, event: event.isEmpty ? "message" : event, data: data)
    }
}

/// The events of a line stream, as they arrive; ends where the lines end.
public struct ServerSentEvents: AsyncSequence {
    /// What iteration yields.
    public typealias Element = ServerSentEvent
    private let lines: AsyncThrowingStream<String, any Error>

    /// Reads events from lines such as ``HTTPClient/lines(_:headers:)`` gives.
    public init(lines: AsyncThrowingStream<String, any Error>) { self.lines = lines }

    /// Begins reading; a stream can be read once.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lines: lines.makeAsyncIterator()) }

    /// Reads one event at a time.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var lines: AsyncThrowingStream<String, any Error>.Iterator
        var parser = ServerSentEventParser()

        /// The next event; nil at the end of the stream. Throws what the lines throw.
        public mutating func next() async throws -> ServerSentEvent? {
            while let line = try await lines.next() {
                if let event = parser.feed(line) { return event }
            }
            return nil
        }
    }
}

extension HTTPClient {
    /// Follows an event stream.
    ///
    /// - Parameter lastEventID: resumes after this event, if the server can (`Last-Event-ID`).
    /// - Returns: events until the server ends the stream; throws ``ClientError``. It does not reconnect by itself.
    public func events(_ path: String, headers: [(String, String)] = [], lastEventID: String? = nil) -> ServerSentEvents {
        var headers = headers + [("accept", "text/event-stream"), ("cache-control", "no-store")]
        if let lastEventID { headers.append(("last-event-id", lastEventID)) }
        return ServerSentEvents(lines: lines(path, headers: headers))
    }
}
