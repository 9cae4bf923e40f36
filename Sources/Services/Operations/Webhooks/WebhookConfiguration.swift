import Security
import Web

/// What webhooks need from outside of the service.
public struct WebhookConfiguration: Sendable {
    /// Where endpoints may lie.
    public var policy = AddressPolicy.publicOnly
    /// Sends the messages; nil where nobody sends: they are kept.
    public var client: (any OutgoingClient)?
    /// Makes secrets; a number of bytes that nobody can guess.
    public var random: @Sendable (_ count: Int) -> [UInt8] = { SecureRandom.bytes($0) }
    /// How long an endpoint may take to answer.
    public var timeout: Duration = .seconds(15)
    /// Most messages that are under way at once.
    public var maximumRunning = 32
    /// Most of them to one endpoint.
    public var maximumPerEndpoint = 4

    public init() {}
}
