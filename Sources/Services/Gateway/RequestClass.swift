import HTTPTypes
import Web

/// What kind of request a limit is for. Each has a bucket of its own per caller: who reads much can still buy.
public enum RequestClass: String, CaseIterable, Sendable {
    /// Looks at something.
    case read
    /// Changes something.
    case write
    /// An administrator's work over much data.
    case heavy
    /// Asks for a token: passwords can be tried here.
    case token
    /// Was refused for its credentials.
    case refused

    /// The class of a route's requests.
    public init(_ route: Route) {
        if route.path == GraphQLEndpoint.path {
            // It only looks at the document; what its fields ask for counts for what it is.
            self = .read
        } else if route.method == .post, route.path.hasPrefix("/auth/") {
            self = .token
        } else if route.answer == .slow {
            self = .heavy
        } else if route.path == GraphQLEndpoint.path {
            // What a query changes is counted by itself.
            self = .read
        } else {
            self = route.method == .get || route.method == .head ? .read : .write
        }
    }
}
