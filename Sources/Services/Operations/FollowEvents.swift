import HTTPTypes
import Storage
import Web
import Wire

/// Server-sent events (WHATWG HTML, 9.2): one order's, or everybody's. What waits is sent as one piece, so that a busy stream costs one write per piece.
struct FollowEvents: Sendable {
    let database: any Database
    let live: LiveEvents

    /// `GET /orders/{id}/stream`: all events of an order so far, then the new ones. Resumes behind the header `Last-Event-ID`.
    ///
    /// An order without events gives a silent stream: it may have been accepted a moment ago.
    func order(_ request: WebRequest) async throws -> WebResponse {
        let order = try request.identifier("id", of: "order")
        var after: Int64 = 0
        if let last = request.headers[.lastEventID].flatMap({ Identifier($0) }) {
            after = try await database.read { try EventArchive.sequence(of: last, key: order, in: $0) } ?? 0
        }
        return stream(EventFilter(key: order), after: after) { $0.id.append(to: &$1) }
    }

    /// `GET /events/stream`: everything from now on, or behind `after` or `Last-Event-ID`, which are sequence numbers.
    func all(_ request: WebRequest) async throws -> WebResponse {
        let filter = EventFilter(types: try request.eventTypes())
        let stored = try request.integer("after", in: -1...Int.max, default: -1)
        let after: Int64
        if let last = request.headers[.lastEventID].flatMap({ Int64($0) }), last >= 0 {
            after = last
        } else if stored >= 0 {
            after = Int64(stored)
        } else {
            after = try await database.read { try EventArchive.last(in: $0) }
        }
        return stream(filter, after: after) { $1.append(contentsOf: String($0.sequence).utf8) }
    }

    private func stream(_ filter: EventFilter, after: Int64, id: @escaping @Sendable (ArchivedEvent, inout [UInt8]) -> Void) -> WebResponse {
        let tail = EventTail(filter, after: after, database: database, live: live)
        return .events(
            AsyncStream {
                // A failure of the storage ends the stream; the client comes back with the last id it saw.
                guard let events = try? await tail.next() else { return nil }
                return FollowEvents.piece(events, id: id)
            })
    }

    private static func piece(_ events: [ArchivedEvent], id: (ArchivedEvent, inout [UInt8]) -> Void) -> [UInt8] {
        if events.isEmpty { return Array(":\n\n".utf8) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(events.reduce(0) { $0 + $1.body.count + 96 })
        for event in events {
            bytes.append(contentsOf: "id: ".utf8)
            id(event, &bytes)
            bytes.append(contentsOf: "\nevent: ".utf8)
            bytes.append(contentsOf: event.type.utf8)
            bytes.append(contentsOf: "\ndata: ".utf8)
            bytes.append(contentsOf: event.body)
            bytes.append(contentsOf: "\n\n".utf8)
        }
        return bytes
    }
}

extension HTTPField.Name {
    /// The id of the last event that a reconnecting client has seen.
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .ifMatch
}
