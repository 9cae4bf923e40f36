import Synchronization

/// Sends the request of a line stream when the first line is asked for, and ends the stream when it is dropped.
final class LineSource: Sendable {
    private let buffer: LineBuffer
    private let request: ClientRequest
    private let timeout: Duration
    private let transport: any Transport
    private let isStarted = Mutex(false)

    init(buffer: LineBuffer, request: ClientRequest, timeout: Duration, transport: any Transport) {
        self.buffer = buffer
        self.request = request
        self.timeout = timeout
        self.transport = transport
    }

    deinit { buffer.end(.failure(CancellationError())) }

    func next() async throws -> String? {
        let isFirst = isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        if isFirst {
            let head = try request.head(for: transport.base)
            transport.open(StreamCall(head: head, body: request.body, timeout: timeout, sink: LineSink(buffer)))
        }
        return try await withTaskCancellationHandler {
            try await buffer.next()
        } onCancel: {
            buffer.end(.failure(CancellationError()))
        }
    }
}
