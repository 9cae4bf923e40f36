/// Where a client gets the token that it sends with every request (`Authorization: Bearer`, RFC 6750, 2.1).
///
/// ``StaticToken`` has one, ``RenewingToken`` gets a new one whenever the last is about to expire.
public protocol TokenProvider: Sendable {
    /// The token to send now.
    /// - Throws: what kept it from being had; the request is not sent then.
    func token() async throws -> String

    /// The server has refused a token with 401. Says whether ``token()`` may give another one now: then the request, which was not carried out, is sent once more.
    func isReplaceable(_ token: String) async -> Bool
}

/// A token that somebody else has got, and that nobody renews.
public struct StaticToken: TokenProvider {
    private let value: String

    /// - Parameter value: the token alone, without `Bearer`.
    public init(_ value: String) { self.value = value }

    public func token() async throws -> String { value }
    public func isReplaceable(_ token: String) async -> Bool { false }
}

/// A token as an authorization server gives it out (RFC 6749, 5.1).
public struct IssuedToken: Sendable, Equatable {
    /// The token alone, to be kept from everybody.
    public let value: String
    /// How long it holds from now on; nil where nobody says so.
    public let lifetime: Duration?
    /// With which the next one is had; the server may give out a new one each time (RFC 6749, 6).
    public let refreshToken: String?

    /// A token that was just given out.
    public init(_ value: String, lifetime: Duration? = nil, refreshToken: String? = nil) {
        (self.value, self.lifetime, self.refreshToken) = (value, lifetime, refreshToken)
    }
}

// A token that gets into a log or a crash report can be used by whoever reads it.
extension StaticToken: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "a token" }
    public var debugDescription: String { description }
}
extension IssuedToken: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "a token" + (lifetime.map { " that holds for \($0)" } ?? "") }
    public var debugDescription: String { description }
}

extension ClientRequest {
    /// Whether it brings credentials of its own; then the client adds none.
    var hasCredentials: Bool { headers.contains { $0.0.utf8.count == 13 && $0.0.lowercased() == "authorization" } }

    /// The request in the name of whoever the token is for.
    func bearing(_ token: String) -> ClientRequest {
        var request = self
        request.headers.append(("authorization", "Bearer " + token))
        return request
    }
}
