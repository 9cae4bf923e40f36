import Wire

/// An event as the archive keeps it.
public struct ArchivedEvent: Sendable {
    /// Its place in the archive, counting up; resuming goes by it.
    public let sequence: Int64
    public let id: Identifier
    /// The order's id, or the product's for stock events.
    public let key: Identifier
    public let type: String
    /// The flat JSON body as its producer wrote it.
    public let body: [UInt8]

    public init(sequence: Int64, id: Identifier, key: Identifier, type: String, body: [UInt8]) {
        (self.sequence, self.id, self.key, self.type, self.body) = (sequence, id, key, type, body)
    }
}

/// Which events somebody wants to see.
public struct EventFilter: Sendable {
    /// Only those of this order; nil for all.
    public let key: Identifier?
    /// Only these types; nil for all.
    public let types: Set<String>?

    public init(key: Identifier? = nil, types: Set<String>? = nil) { (self.key, self.types) = (key, types) }

    func admits(type: String) -> Bool { types?.contains(type) ?? true }
}
