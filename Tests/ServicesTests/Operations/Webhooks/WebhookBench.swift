import Contracts
import HTTPTypes
import Storage
import Synchronization
import Testing
import Web
import Wire

@testable import Messaging
@testable import Operations

/// Operations with endpoints outside that answer as a test says. Nothing is sent unless a test says so, and the clock stands still.
final class WebhookBench: OutgoingClient {
    /// What endpoints answer.
    typealias Answer = @Sendable (OutgoingRequest) -> Result<OutgoingAnswer, OutgoingFailure>

    static let secret = [UInt8](repeating: 7, count: 32)
    static let house = Principal(subject: "ada", roles: [.admin])

    let fixture: ServiceFixture
    private let state = Mutex<(answer: Answer, seen: [OutgoingRequest])>(({ _ in .success(OutgoingAnswer(status: 200)) }, []))
    private let made = Mutex<OperationsService?>(nil)
    private let rotations = Mutex(UInt8(7))

    init() async throws {
        fixture = try ServiceFixture("operations")
        var configuration = WebhookConfiguration()
        configuration.client = self
        configuration.random = { [weak self] count in
            let number = self?.rotations.withLock { number in
                defer { number += 1 }
                return number
            }
            return [UInt8](repeating: number ?? 0, count: count)
        }
        let service = OperationsService(fixture.environment, webhooks: configuration)
        made.withLock { $0 = service }
        try await fixture.migrate(service)
    }

    var service: OperationsService { get throws { try #require(made.withLock { $0 }) } }
    var clock: ManualClock { fixture.clock }

    // MARK: The outside

    /// What has been sent so far.
    var sent: [OutgoingRequest] { state.withLock { $0.seen } }

    /// What endpoints answer from now on.
    func answer(_ answer: @escaping Answer) { state.withLock { $0.answer = answer } }
    func answer(_ status: Int, _ headers: [(name: String, value: String)] = []) {
        answer { _ in .success(OutgoingAnswer(status: status, headers: headers)) }
    }

    func send(_ request: OutgoingRequest) async throws(OutgoingFailure) -> OutgoingAnswer {
        let answer = state.withLock { state in
            state.seen.append(request)
            return state.answer
        }
        return try answer(request).get()
    }

    func close() async {}

    /// Sends all that is due; how much that was.
    @discardableResult
    func work() async throws -> Int {
        let dispatcher = try #require(try service.dispatcher)
        var count = 0
        while true {
            let works = try await dispatcher.take()
            if works.isEmpty { return count }
            for work in works { await dispatcher.execute(work) }
            count += works.count
        }
    }

    /// Goes on, hour by hour, until nothing is pending any more, for so many days at most.
    func workOn(days: Int) async throws {
        for _ in 0..<(days * 24) {
            try await work()
            clock.advance(by: .seconds(3600))
        }
    }

    func clean() async throws {
        let dispatcher = try #require(try service.dispatcher)
        try await dispatcher.clean()
    }

    // MARK: Events

    /// Has events archived, twice.
    func archive(_ events: [Envelope]) async throws {
        let handler = try #require(try service.handler)
        try await fixture.deliverTwice(events, to: handler)
    }

    /// An order's events, in order: reserved, paid for, shipped.
    func story(_ order: OrderID) -> [Envelope] {
        [
            fixture.event(OrderReserved(change: .init(from: .created, to: .reserved)), key: order, version: 2),
            fixture.event(OrderShipped(change: .init(from: .paid, to: .shipped), customerID: nil), key: order, version: 3),
            fixture.event(InventoryReleased(reservations: [], reason: "cancellation"), from: "inventory", key: order),
        ]
    }

    // MARK: Requests

    struct Reply: Sendable {
        let status: Int
        let json: JSONValue
        let headers: HTTPFields
        func text(_ key: String) -> String? { json[key]?.string }
        var problem: String? { text("type")?.split(separator: "/").last.map(String.init) }
    }

    func call(
        _ method: String, _ route: String, _ body: String? = nil, id: String? = nil, delivery: String? = nil, query: [(name: String, value: String)] = [],
        as principal: Principal = WebhookBench.house, key: String? = nil
    ) async throws -> Reply {
        let operation = try #require(try service.routes.first { $0.method.rawValue == method && $0.path == route })
        var headers: HTTPFields = body == nil ? [:] : [.contentType: "application/json"]
        headers[.idempotencyKey] = key
        let parameters = ["id": id, "delivery": delivery].compactMapValues(\.self)
        let request = WebRequest(
            method: operation.method, path: "/api/v1" + route.replacing("{id}", with: id ?? "").replacing("{delivery}", with: delivery ?? ""),
            parameters: parameters, query: query, headers: headers, body: Array((body ?? "").utf8), id: Identifier(high: 1, low: 2), principal: principal)
        let response: WebResponse
        do { response = try await operation.handle(request) } catch let problem as Problem { response = problem.response(instance: nil) }
        guard case .bytes(let bytes) = response.body else { throw JSONMismatch(key: "", expected: "bytes") }
        return Reply(status: response.status.code, json: (try? JSONParser.parse(bytes)) ?? .null, headers: response.headers)
    }

    /// Makes an endpoint and returns its id.
    func create(_ url: String = "https://example.com/hooks", types: [String] = [], as principal: Principal = WebhookBench.house) async throws -> String {
        let list = types.isEmpty ? "" : #","types":[\#(types.map { "\"\($0)\"" }.joined(separator: ","))]"#
        let reply = try await call("POST", "/webhooks", #"{"url":"\#(url)"\#(list)}"#, as: principal)
        #expect(reply.status == 201, "\(reply.json)")
        return try #require(reply.text("id"))
    }

    func show(_ id: String) async throws -> Reply { try await call("GET", "/webhooks/{id}", id: id) }

    func deliveries(_ id: String, _ query: [(name: String, value: String)] = []) async throws -> [JSONValue] {
        try await call("GET", "/webhooks/{id}/deliveries", id: id, query: query).json["items"]?.array ?? []
    }
}

extension OutgoingRequest {
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    /// What the message says.
    var json: JSONValue { get throws { try JSONParser.parse(body) } }
    /// The event's own type and its place in the order's life.
    var event: Identifier? { (try? json)?["data"]?["eventId"]?.string.flatMap { Identifier($0) } }
}
