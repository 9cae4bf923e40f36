import HTTPTypes

/// Tells the requests of the platform's own processes from those of clients, by a secret that the processes share and send in the header `Waybill-Internal`.
///
/// What only a process of the platform may say (which identity a request has had so far) is believed of nobody else.
public struct InternalTrust: Sendable {
    private let secret: [UInt8]

    /// - Parameter secret: not empty; an empty one trusts nobody.
    public init(secret: String) { self.secret = Array(secret.utf8) }

    /// Whether a request with these headers comes from a process of the platform.
    ///
    /// The time that this takes does not depend on how much of a guess is right: who could measure it would find the secret byte by byte.
    public func covers(_ headers: HTTPFields) -> Bool {
        guard !secret.isEmpty, let given = headers[.internalSecret].map({ Array($0.utf8) }) else { return false }
        var difference = given.count ^ secret.count
        for (index, byte) in secret.enumerated() { difference |= Int(byte ^ (index < given.count ? given[index] : 0)) }
        return difference == 0
    }
}
