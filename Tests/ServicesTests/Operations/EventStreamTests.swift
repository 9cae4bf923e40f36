import Contracts
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Messaging
@testable import Operations

/// A server-sent event as a client sees it.
private struct Received: Equatable {
    let id: String
    let event: String
    let data: String
}

@Suite struct EventStreamTests {
    private let fixture: ServiceFixture
    private let service: OperationsService
    private let handler: any EventHandler

    init() async throws {
        fixture = try ServiceFixture("operations")
        service = OperationsService(fixture.environment)
        handler = try #require(service.handler)
        try await fixture.migrate(service)
    }

    private func event(_ order: OrderID) -> Envelope { fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: order, version: 2) }

    @Test func `A place beyond all that there is, be it the last number, is no piece of what is in memory`() throws {
        var recent = RecentEvents()
        recent.add([event(fixture.context.newID())], after: 6)
        let page = try #require(recent.page(EventFilter(), after: 6, limit: 10))
        #expect(page.events.count == 1)
        for place in [0, 5, 7, .max - 1, .max] as [Int64] { #expect(recent.page(EventFilter(), after: place, limit: 10) == nil) }
    }

    private static func stream(_ response: WebResponse) throws -> AsyncStream<[UInt8]> {
        guard case .stream(let stream) = response.body else { throw JSONMismatch(key: "", expected: "a stream") }
        return stream
    }

    private static func parse(_ bytes: [UInt8]) -> [Received] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n\n").filter { !$0.hasPrefix(":") }.map { block in
            var fields: [Substring: String] = [:]
            for line in block.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[line[..<colon]] = String(line[line.index(colon, offsetBy: 2)...])
            }
            return Received(id: fields["id"] ?? "", event: fields["event"] ?? "", data: fields["data"] ?? "")
        }
    }

    /// Reads until so many events have come.
    private static func read(_ count: Int, _ iterator: inout AsyncStream<[UInt8]>.Iterator) async -> [Received] {
        var received: [Received] = []
        while received.count < count, let piece = await iterator.next() { received += parse(piece) }
        return received
    }

    @Test func `An order's stream shows the past, then the present`() async throws {
        let (order, other) = (fixture.context.newID(), fixture.context.newID())
        let past = [event(order), event(order)]
        try await fixture.deliverTwice(past + [event(other)], to: handler)
        let response = try await service.call("GET", "/orders/{id}/stream", parameters: ["id": order.description])
        var iterator = try EventStreamTests.stream(response).makeAsyncIterator()
        let first = await EventStreamTests.read(2, &iterator)
        #expect(first == past.map { Received(id: $0.id.description, event: "OrderReserved", data: String(decoding: $0.body, as: UTF8.self)) })
        let present = [event(order), event(other), event(order)]
        try await fixture.deliverTwice(present, to: handler)
        #expect(await EventStreamTests.read(2, &iterator).map(\.id) == [present[0].id.description, present[2].id.description])
    }

    @Test func `A client that comes back goes on behind the last event it saw`() async throws {
        let order = fixture.context.newID()
        let events = (0..<5).map { _ in event(order) }
        // The third came in last: going on by identifier would skip it.
        try await fixture.deliverTwice([events[0], events[1], events[3], events[4], events[2]], to: handler)
        let response = try await service.call("GET", "/orders/{id}/stream", parameters: ["id": order.description], lastEventID: events[3].id.description)
        var iterator = try EventStreamTests.stream(response).makeAsyncIterator()
        #expect(await EventStreamTests.read(2, &iterator).map(\.id) == [events[4].id.description, events[2].id.description])
    }

    @Test func `The stream of everything begins now, or where the client says`() async throws {
        try await fixture.deliverTwice([event(fixture.context.newID())], to: handler)
        var now = try EventStreamTests.stream(try await service.call("GET", "/events/stream")).makeAsyncIterator()
        var stored = try EventStreamTests.stream(try await service.call("GET", "/events/stream", query: [("after", "0")])).makeAsyncIterator()
        var resumed = try EventStreamTests.stream(try await service.call("GET", "/events/stream", lastEventID: "1")).makeAsyncIterator()
        let filter = [(name: "type", value: "OrderShipped")]
        var shipped = try EventStreamTests.stream(try await service.call("GET", "/events/stream", query: filter)).makeAsyncIterator()
        let ship = fixture.event(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: nil), key: fixture.context.newID())
        try await fixture.deliverTwice([event(fixture.context.newID()), ship], to: handler)
        // Numbers count up, but need not be adjacent: a refused repetition may use one up.
        let numbers = try await service.history(after: 0, limit: 10).map { "\($0.sequence)" }
        #expect(numbers.count == 3)
        #expect(await EventStreamTests.read(2, &now).map(\.id) == Array(numbers.dropFirst()))
        #expect(await EventStreamTests.read(3, &stored).map(\.id) == numbers)
        #expect(await EventStreamTests.read(2, &resumed).map(\.id) == Array(numbers.dropFirst()))
        #expect(await EventStreamTests.read(1, &shipped).map(\.event) == ["OrderShipped"])
    }

    @Test func `Events that wait come as one piece`() async throws {
        let order = fixture.context.newID()
        try await fixture.deliverTwice((0..<20).map { _ in event(order) }, to: handler)
        var iterator = try EventStreamTests.stream(try await service.call("GET", "/events/stream", query: [("after", "0")])).makeAsyncIterator()
        let piece = try #require(await iterator.next())
        #expect(EventStreamTests.parse(piece).count == 20)
    }

    @Test func `A watcher who is slow misses none`() async throws {
        let order = fixture.context.newID()
        let tail = service.tail(EventFilter(key: order), after: 0)
        try await fixture.deliver([event(order)], to: handler)
        var seen = try #require(try await tail.next()).map(\.sequence)
        for _ in 0..<3 {
            for _ in 0..<700 { try await fixture.deliver([event(order)], to: handler) }
            let target = try await service.lastSequence()
            while let last = seen.last, last < target { seen += try #require(try await tail.next()).map(\.sequence) }
        }
        #expect(seen == Array(1...2101))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `Stored and live events join without gap or repetition`(seed: UInt64) async throws {
        let (fixture, handler) = (self.fixture, self.handler)
        var random = RandomSource(seed: seed)
        let orders = (0..<3).map { _ in fixture.context.newID() }
        let batches: [[Envelope]] = (0..<60).map { _ in
            (0..<Int.random(in: 1...4, using: &random)).map { _ in event(orders[Int.random(in: 0..<3, using: &random)]) }
        }
        let start = Int.random(in: 0..<60, using: &random)
        let wanted = batches.joined().filter { $0.key == orders[0] }.map(\.id)
        for batch in batches[..<start] { try await fixture.deliver(batch, to: handler) }
        let tail = service.tail(EventFilter(key: orders[0]), after: 0)
        let writing = Task { for batch in batches[start...] { try await fixture.deliverTwice(batch, to: handler) } }
        var seen: [Identifier] = []
        while seen.count < wanted.count, let events = try await tail.next() { seen += events.map(\.id) }
        try await writing.value
        #expect(seen == wanted)
    }

    @Test func `A quiet stream gives a sign of life when the hub ticks, and ends when it closes`() async throws {
        let live = service.live
        let order = fixture.context.newID()
        let response = try await service.call("GET", "/orders/{id}/stream", parameters: ["id": order.description])
        let stream = try EventStreamTests.stream(response)
        let pieces = Mutex<[String]>([])
        let reading = Task { for await piece in stream { pieces.withLock { $0.append(String(decoding: piece, as: UTF8.self)) } } }
        while pieces.withLock({ $0.isEmpty }) {
            live.tick()
            await Task.yield()
        }
        live.close()
        await reading.value
        #expect(pieces.withLock { Set($0) } == [":\n\n"])
    }

    @Test func `Nobody watches any more when the streams are gone`() async throws {
        do {
            let tail = service.tail(after: 0)
            try await fixture.deliver([event(fixture.context.newID())], to: handler)
            _ = try await tail.next()
            let reading = Task { try await tail.next() }
            while service.live.watchers == 0 { await Task.yield() }
            reading.cancel()
            #expect(try await reading.value == nil)
        }
        while service.live.watchers > 0 { await Task.yield() }
    }
}
