import Messaging
import Resilience
import Wire

/// How much accepted work the platform has not done: what the entry's gate goes by.
///
/// In one process that is what waits in the feeds. Split, most of it is elsewhere: in the outbox before the broker, and at the broker before consumers in other processes.
struct PlatformPressure: Sendable {
    /// What nobody waits for may lag behind this many times as long: the slowest of them commits thirty times as rarely, up to a tenth of a second, and that is no reason
    /// to refuse orders.
    private static let patienceWithObservers: Int64 = 12
    /// A relay gathers for up to a fifth of a second.
    private static let patienceWithRelays: Int64 = 5
    /// A broker may be away for a minute (at the gate's default target) before orders are refused: it is what the outbox is for.
    private static let patienceWithBroker: Int64 = 120
    /// The services that an order passes on its way to its end.
    static let onTheWay: Set<String> = ["orders", "inventory", "payments"]

    typealias Load = @Sendable () -> (events: Int, since: Timestamp?)

    /// What waits in this process for a service on the way.
    struct Feed: Sendable {
        let consumer: String
        let load: Load
    }

    /// In this process, for services on the way.
    var feeds: [Feed] = []
    /// In this process, for those whom nobody waits for.
    var observers: [Load] = []
    /// Calls to the outside that this process has taken.
    var jobs: @Sendable () -> Int = { 0 }
    /// Before the broker.
    var outboxes: [Load] = []
    /// At the broker, by consumer; nil where it cannot tell. Some seconds old.
    var lag: @Sendable (String) -> Int? = { _ in nil }
    /// Whether the broker does not answer.
    var isBrokerAway: @Sendable () -> Bool = { false }
    let clock: any WallClock

    /// Events and calls to the provider that are waiting or being worked on, and the longest wait among them.
    func callAsFunction() -> AdmissionControl.Pressure {
        let now = clock.now()
        var pressure = AdmissionControl.Pressure(pending: jobs())
        func wait(_ since: Timestamp?, patience: Int64 = 1) {
            pressure.delayMilliseconds = max(pressure.delayMilliseconds, since.map { max(0, now.milliseconds - $0.milliseconds) / patience } ?? 0)
        }
        let isBrokerAway = isBrokerAway()
        var here: [String: Int] = [:]
        for feed in feeds {
            let waiting = feed.load()
            here[feed.consumer, default: 0] += waiting.events
            wait(waiting.since)
        }
        for consumer in PlatformPressure.onTheWay {
            // What this process has taken is counted by the broker as well, until it is acknowledged.
            pressure.pending += max(here[consumer] ?? 0, isBrokerAway ? 0 : lag(consumer) ?? 0)
        }
        for outbox in outboxes {
            let waiting = outbox()
            wait(waiting.since, patience: isBrokerAway ? PlatformPressure.patienceWithBroker : PlatformPressure.patienceWithRelays)
            if !isBrokerAway { pressure.pending += waiting.events }
        }
        for observer in observers { wait(observer().since, patience: PlatformPressure.patienceWithObservers) }
        return pressure
    }
}

extension PlatformPressure {
    /// That of a process with these services.
    init(_ services: ServiceAssembly, health: ProcessHealth, clock: any WallClock) {
        var loads = services.consumers.map(\.feed).map { feed in Feed(consumer: feed.consumer) { feed.waiting } }
        if !services.brokerConsumers.isEmpty { loads = services.brokerConsumers.map { consumer in Feed(consumer: consumer.service) { consumer.waiting } } }
        self.init(clock: clock)
        feeds = loads.filter { PlatformPressure.onTheWay.contains($0.consumer) }
        observers = loads.filter { !PlatformPressure.onTheWay.contains($0.consumer) }.map(\.load)
        jobs = { [runner = services.payments.jobRunner] in runner.backlog }
        outboxes = health.outboxes.map { outbox in { outbox.waiting } }
        if let lags = health.lags {
            lag = { lags.lag(of: $0) }
            isBrokerAway = { health.isBrokerAway }
        }
    }
}
