import DequeModule
import Messaging
import Wire

/// The end of the archive in memory: an unbroken run of its newest events, so that whoever follows it closely need not read back what has just been written. Bounded.
struct RecentEvents: Sendable {
    private static let capacity = 4096

    private var events: Deque<Envelope> = []
    /// The place of the last of them in the archive; 0 when there are none.
    private var last: Int64 = 0

    /// Adds what was archived behind a place. What does not continue the run begins a new one.
    mutating func add(_ newest: [Envelope], after place: Int64) {
        if place != last { events.removeAll(keepingCapacity: true) }
        events.append(contentsOf: newest)
        last = place + Int64(newest.count)
        if events.count > RecentEvents.capacity { events.removeFirst(events.count - RecentEvents.capacity) }
    }

    /// Forgets everything: the run was broken.
    mutating func forget() {
        events.removeAll(keepingCapacity: true)
        last = 0
    }

    /// A piece of the log behind a place; nil if not all that is behind it is here.
    func page(_ filter: EventFilter, after place: Int64, limit: Int) -> EventArchive.Page? {
        let first = last - Int64(events.count) + 1
        // A client names the place, and it may be the last number that there is: compared before anything is added to it.
        guard !events.isEmpty, place < last, place + 1 >= first else { return nil }
        let start = Int(place + 1 - first)
        let end = min(events.count, start + limit)
        var page = EventArchive.Page(last: first + Int64(end) - 1, isEnd: end == events.count)
        for index in start..<end where filter.admits(events[index]) {
            let event = events[index]
            page.events.append(ArchivedEvent(sequence: first + Int64(index), id: event.id, key: event.key, type: event.type, body: event.body))
        }
        return page
    }
}

extension EventFilter {
    func admits(_ event: Envelope) -> Bool { (key == nil || key == event.key) && admits(type: event.type) }
}
