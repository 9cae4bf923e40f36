import HTTPTypes

/// Whose address a request has come from: of the addresses that it has passed, the nearest one that is not ours.
///
/// `X-Forwarded-For` is written by whoever sends the request, and each proxy adds the address that it was asked from at the end. So it is read from the right, as long as
/// those who wrote are trusted; what stands before the first address that nobody vouches for may be invented (RELIABILITY, trap 17).
public struct ClientAddress: Sendable {
    /// More addresses than this are not looked at: nobody has so many proxies, and every one of them costs time.
    private static let longest = 16

    private let trusted: AddressRanges

    /// - Parameter trusted: the proxies whose word is taken.
    public init(trusted: AddressRanges = AddressRanges()) { self.trusted = trusted }

    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - isInternal: whether another process of the platform sends the request; it has found out the address already.
    public func address(of headers: HTTPFields, peer: IPAddress?, isInternal: Bool) -> IPAddress? {
        guard let peer else { return nil }
        let isTrusted = !trusted.isEmpty && trusted.contains(peer)
        guard isInternal || isTrusted else { return peer }
        var nearest = peer
        for text in headers[values: .forwardedFor].joined(separator: ",").split(separator: ",", omittingEmptySubsequences: false).reversed()
            .prefix(ClientAddress.longest)
        {
            // What cannot be read was written by somebody whom no one vouches for.
            guard let address = ClientAddress.parse(text.trimmed) else { return nearest }
            nearest = address
            if isInternal || !trusted.contains(address) { return address }
        }
        return nearest
    }

    /// `address`, `address:port`, `[address]`, `[address]:port`.
    static func parse(_ text: String) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        if text.hasPrefix("[") { return text.dropFirst().firstIndex(of: "]").flatMap { IPAddress(text[text.index(after: text.startIndex)..<$0]) } }
        return text.split(separator: ":", omittingEmptySubsequences: false).count == 2 ? IPAddress(text.prefix { $0 != ":" }) : nil
    }
}
