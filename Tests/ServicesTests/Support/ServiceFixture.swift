import Contracts
import Logging
import Messaging
import Storage
import Synchronization
import TestDatabases
import Web
import Wire

/// What a service needs to run in a test: a database in memory, a clock that stands still, and an outbox whose events are kept for looking at.
final class ServiceFixture: EventSink {
    let clock = ManualClock()
    let database: any Database
    let context: ServiceContext
    private let told = Mutex<[Envelope]>([])
    private let logger: Logger

    init(_ service: String, seed: UInt64 = 1, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) throws {
        database = try TestDatabase.open(service)
        context = ServiceContext(service: service, clock: clock, seed: seed)
        self.logger = logger
    }

    var environment: ServiceEnvironment { ServiceEnvironment(database: database, context: context, outbox: Outbox(sink: self), logger: logger) }

    func committed(_ events: [Envelope], from source: String) { told.withLock { $0 += events } }

    /// What the service has told so far.
    var events: [Envelope] { told.withLock { $0 } }

    func migrate(_ module: some ServiceModule) async throws { try await database.migrate(module.migrations, owner: module.name) }

    /// Has a handler react to a batch twice, as a delivery whose acknowledgement was lost makes it.
    func deliverTwice(_ events: [Envelope], to handler: any EventHandler) async throws {
        for _ in 0..<2 { try await deliver(events, to: handler) }
    }

    func deliver(_ events: [Envelope], to handler: any EventHandler) async throws {
        let context = self.context
        try await database.write { try handler.react(to: events, in: $0, context: context) }
    }

    /// An event of another service.
    func event(
        _ event: some Event, from source: String = "orders", key: Identifier, version: Int64? = nil, because cause: Envelope? = nil, at time: Timestamp? = nil
    ) -> Envelope {
        let time = time ?? clock.now()
        let id = context.newID(at: time)
        return Envelope(
            id: id, source: source, key: key, version: version, correlationID: cause?.correlationID ?? id, causationID: cause?.id, time: time, event: event)
    }
}

extension ServiceModule {
    /// Calls an operation of the service by its route.
    func call(
        _ method: String, _ route: String, parameters: [String: String] = [:], query: [(name: String, value: String)] = [], lastEventID: String? = nil
    ) async throws -> WebResponse {
        guard let operation = routes.first(where: { $0.method.rawValue == method && $0.path == route }) else {
            throw JSONMismatch(key: route, expected: "a route")
        }
        var request = WebRequest(method: operation.method, path: route, parameters: parameters, query: query, id: Identifier(high: 0, low: 0))
        if let lastEventID {
            request = WebRequest(
                method: operation.method, path: route, parameters: parameters, query: query, headers: [.lastEventIDForTests: lastEventID],
                id: Identifier(high: 0, low: 0))
        }
        return try await operation.handle(request)
    }
}

extension WebResponse {
    /// The body as a JSON object.
    var json: JSONObject {
        get throws {
            guard case .bytes(let bytes) = body, let object = try JSONParser.parse(bytes).object else { throw JSONMismatch(key: "", expected: "an object") }
            return object
        }
    }
}
