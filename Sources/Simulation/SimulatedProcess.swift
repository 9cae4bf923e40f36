import Contracts
import DequeModule
import HTTPTypes
import Logging
import Messaging
import Orders
import Platform
import Storage
import StorageSQLite
import Web
import Wire

/// One life of the platform's process: all services with their real reactions and SQL, in memory, on databases that outlive it. Confined to one thread.
final class SimulatedProcess: @unchecked Sendable {
    /// Counts the lives, from 1.
    let number: Int
    private(set) var databases: [SteppedDatabase] = []
    private(set) var services: ServiceAssembly?
    private(set) var isAlive = true
    /// What is going on, so that nothing is driven twice at once.
    var busy: Set<String> = []
    /// Committed events that have not been handed over yet, by source.
    var handOver: [String: Deque<[Envelope]>] = [:]
    /// Events that were handed over of late, by source, for duplicates.
    private(set) var recent: [String: Deque<Envelope>] = [:]
    private let bus: EventBus
    private unowned let world: World

    init(_ world: World, number: Int) {
        (self.world, self.number) = (world, number)
        bus = EventBus(registry: world.registry)
    }

    var isReady: Bool { services != nil }

    /// Begins the life; it is ready when ``services`` is there.
    func start() {
        let world = self.world
        databases = ServiceAssembly.databases.compactMap { name in
            world.media[name].map { medium in
                SteppedDatabase(
                    name: name, medium: medium, wrap: { world.observe($0, database: name) },
                    reached: { [weak self] point in if let self, isAlive { try world.reached(point, name) } })
            }
        }
        let clock = SimulatedClock(time: world.time, owner: number)
        let identifiers = IdentifierSource(seed: UInt64(bitPattern: Int64(world.seed)) &+ UInt64(number) &* 0x9E37_79B9)
        var configuration = PlatformConfiguration(storage: .memory)
        configuration.orders.deadlineMilliseconds = World.deadline
        configuration.orders.offlineDeadlineMilliseconds = World.offlineDeadline
        let settings = configuration
        let network = ProviderNetwork(world: world, process: number, provider: world.provider)
        let capacity = world.feedCapacity
        world.executor.start { [self] in
            do {
                services = try await ServiceAssembly(
                    databases: databases, provider: network, books: world.provider, bus: bus, configuration: settings,
                    channels: [SimulatedChannel(world: world)],
                    feedCapacity: capacity,
                    environment: { database in
                        ServiceEnvironment(
                            database: database, context: ServiceContext(service: database.name, clock: clock, identifiers: identifiers),
                            outbox: Outbox(sink: SimulatedSink(process: self)), logger: World.silent)
                    }, decorate: { handler, name in SimulatedHandler(base: handler, consumer: name, world: world) },
                    registry: { world.outdated.contains($0) ? EventCatalog.registry : nil })
                world.note("process \(number) is ready")
            } catch {
                guard isAlive else { return }
                // A start that meets a full disk ends, and whoever supervises the process tries again.
                if error is StorageError { world.startFailed(error) } else { world.fail("L4", "process \(number) cannot start: \(error)") }
            }
        }
    }

    /// The process is gone; what it was doing ends without effect.
    func die() {
        isAlive = false
        for database in databases { database.die() }
        world.time.cancel(owner: number)
        (services, databases, handOver, recent) = (nil, [], [:], [:])
    }

    // Events

    fileprivate func committed(_ events: [Envelope], from source: String) {
        if world.rates[.delay] > 0 || handOver[source]?.isEmpty == false {
            handOver[source, default: []].append(events)
        } else {
            announce(events, from: source)
        }
    }

    /// Events as a producer of the release in force writes them.
    fileprivate func asWritten(_ events: [Envelope]) -> [Envelope] {
        guard world.isMixed else { return events }
        return events.map { (try? Envelope(body: world.written($0.body), registry: world.registry, sequence: $0.sequence)) ?? $0 }
    }

    func handOverNext(from source: String) {
        if let events = handOver[source]?.popFirst() { announce(events, from: source) }
    }

    private func announce(_ events: [Envelope], from source: String) {
        for event in events {
            recent[source, default: []].append(event)
            if recent[source, default: []].count > 32 { recent[source]?.removeFirst() }
        }
        bus.committed(events, from: source)
    }

    // Requests

    /// Leads a request to its route, as the gateway does.
    func respond(_ method: HTTPRequest.Method, _ path: String, body: [UInt8], key: String?) async throws -> WebResponse {
        guard let services else { throw StorageError.closed }
        let segments = path.split(separator: "/").map(String.init)
        for route in services.routes where route.method == method {
            guard let parameters = SimulatedProcess.match(route.path, segments) else { continue }
            var headers: HTTPFields = [.contentType: "application/json"]
            headers[.idempotencyKey] = key
            let request = WebRequest(method: method, path: "/api/v1" + path, parameters: parameters, headers: headers, body: body, id: world.newID())
            do { return try await route.handle(request) } catch let problem as Problem { return problem.response(instance: request.id) }
        }
        throw StorageError.failed("no route \(method) \(path)")
    }

    private static func match(_ pattern: String, _ segments: [String]) -> [String: String]? {
        let parts = pattern.split(separator: "/")
        guard parts.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(parts, segments) {
            if part.hasPrefix("{") { parameters[String(part.dropFirst().dropLast())] = segment } else if part != segment { return nil }
        }
        return parameters
    }
}

/// Takes what a process commits. The process's own bus keeps it, so that it must not keep the process.
private struct SimulatedSink: EventSink {
    weak let process: SimulatedProcess?
    func committed(_ events: [Envelope], from source: String) {
        guard let process else { return }
        process.committed(process.asWritten(events), from: source)
    }
}
