import Wire

/// What was read of an outbox.
struct OutboxPiece: Sendable {
    var events: [Envelope] = []
    /// The row that stands behind them and cannot be read.
    var broken: BrokenEvent?
    /// The last sequence number looked at; nil when there was nothing.
    var last: Int64?
}

/// A row of an outbox that no program of its version could read: it is damaged. It is parked and dies like an event that cannot be applied, so that it holds up
/// its own order only. An event that is too new for this program is not broken; it waits.
struct BrokenEvent: Sendable {
    let sequence: Int64
    let type: String
    let key: Identifier
    let body: [UInt8]
    /// The topic it came by; nil where no broker delivered it.
    var topic: String?
    let error: String

    /// The event's own identity, if that can be read; else one that derives from the row, so that it is the same every time.
    func id(from source: String) -> Identifier {
        if let text = (try? JSONParser.parse(body))?["eventId"]?.string, let id = Identifier(text) { return id }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in source.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Identifier(high: hash, low: UInt64(bitPattern: sequence))
    }
}
