import Contracts
import WaybillClient
import Wire

/// The timeline of one order of the demo, printed while it unfolds.
struct DemoTimeline {
    /// The order came to another end than the scenario is about.
    struct WrongTurn: Error, CustomStringConvertible {
        let awaited: Set<String>
        let type: String
        var description: String { "\(type) came while \(awaited.sorted().joined(separator: ", ")) was awaited" }
    }

    let id: OrderID
    private let api: WaybillAPI
    private let isSilent: Bool
    private var events: ServerSentEvents.AsyncIterator
    private var begin: Timestamp?
    private var seen: Set<String> = []
    private var shown: Set<String> = []

    init(_ id: OrderID, _ api: WaybillAPI, isSilent: Bool) {
        (self.id, self.api, self.isSilent) = (id, api, isSilent)
        events = api.follow(id).makeAsyncIterator()
    }

    /// Shows events until all of these types have come.
    mutating func until(_ types: String...) async throws {
        let awaited = Set(types)
        while !awaited.isSubset(of: seen) {
            guard let event = try await events.next() else { throw ClientError.connectionClosed }
            guard let line = TimelineLine(event) else { continue }
            show(line, id: event.id)
            let isEnd = [OrderCancelled.type, OrderFailed.type].contains(line.type)
            if isEnd, !awaited.contains(line.type) { throw WrongTurn(awaited: awaited.subtracting(seen), type: line.type) }
        }
    }

    /// Shows what came meanwhile; waits a moment for the notification, which is nobody's condition.
    mutating func finish() async throws {
        for _ in 0..<10 {
            for item in try await api.timeline(id)["items"]?.array ?? [] {
                guard let id = item["eventId"]?.string, let type = item["type"]?.string, let body = item["data"]?.object else { continue }
                if !shown.contains(id) { show(TimelineLine(type: type, body: body), id: id) }
            }
            if seen.contains(NotificationSent.type) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private mutating func show(_ line: TimelineLine, id: String) {
        begin = begin ?? line.time
        seen.insert(line.type)
        shown.insert(id)
        if !isSilent { Output.line(line.text(since: begin, style: Output.style)) }
    }
}
