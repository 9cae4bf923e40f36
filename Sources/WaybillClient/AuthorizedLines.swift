import Synchronization

/// The lines of a response that is asked for with a token; asked for once more if the token is refused and there is another one.
final class AuthorizedLines: Sendable {
    private let tokens: any TokenProvider
    private let open: @Sendable (String) throws -> LineSource
    private let source = Mutex<LineSource?>(nil)

    /// - Parameter open: makes the source that asks with a token.
    init(_ tokens: any TokenProvider, open: @escaping @Sendable (String) throws -> LineSource) { (self.tokens, self.open) = (tokens, open) }

    /// The next line; nil at the end. One caller at a time.
    func next() async throws -> String? {
        if let source = source.withLock({ $0 }) { return try await source.next() }
        let token = try await tokens.token()
        do { return try await begin(token) } catch ClientError.unexpectedStatus(401, let body) {
            guard await tokens.isReplaceable(token) else { throw ClientError.unexpectedStatus(401, body: body) }
            return try await begin(try await tokens.token())
        }
    }

    private func begin(_ token: String) async throws -> String? {
        let first = try open(token)
        let line = try await first.next()
        source.withLock { $0 = first }
        return line
    }
}
