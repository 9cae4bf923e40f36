import NIOHTTP1

/// A response whose body is read as it arrives; see ``HTTPClient/stream(_:timeout:onEnd:)``. The connection is closed when the body ends or this is dropped.
public final class StreamedResponse: Sendable {
    /// The status code, 200...999.
    public let status: Int
    private let fields: HTTPHeaders
    private let buffer: PieceBuffer

    init(head: HTTPResponseHead, buffer: PieceBuffer, onEnd: @escaping @Sendable () -> Void) {
        (status, fields, self.buffer) = (Int(head.status.code), head.headers, buffer)
        buffer.onEnd(onEnd)
    }

    deinit { end() }

    /// All header fields in the order received.
    public var headers: [(String, String)] { fields.map { ($0.name, $0.value) } }

    /// The first value of a header field, its name in any letter case; nil if it is absent.
    public func header(_ name: String) -> String? { fields.first(name: name) }

    /// The next bytes of the body, as they came; nil at its end. One caller at a time.
    /// - Throws: ``ClientError``. In a cancelled task it throws `CancellationError`, and the stream has ended.
    public func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await buffer.next()
        } onCancel: {
            end()
        }
    }

    /// The rest of the body.
    /// - Throws: ``ClientError``, ``ClientError/tooLarge(limitBytes:)`` included; the connection is closed then.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        while let piece = try await next() {
            guard body.count + piece.count <= limit else {
                end()
                throw ClientError.tooLarge(limitBytes: limit)
            }
            body.append(contentsOf: piece)
        }
        return body
    }

    /// Closes the connection; whoever reads gets `CancellationError`. Safe to call at any time.
    public func end() { buffer.end(.failure(CancellationError())) }
}
