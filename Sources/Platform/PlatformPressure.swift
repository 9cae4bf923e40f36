import Messaging
import Resilience
import Wire

/// How much accepted work the platform has not done: what the entry's gate goes by.
struct PlatformPressure: Sendable {
    /// What nobody waits for may lag behind this many times as long: the slowest of them commits thirty times as rarely, up to a tenth of a second, and that is no reason
    /// to refuse orders.
    private static let patienceWithObservers: Int64 = 12
    /// The services that an order passes on its way to its end.
    private static let onTheWay: Set<String> = ["orders", "inventory", "payments"]

    private typealias Load = @Sendable () -> (events: Int, since: Timestamp?)

    private let feeds: [Load]
    private let observers: [Load]
    private let jobs: JobRunner
    private let clock: any WallClock

    init(_ services: ServiceAssembly, clock: any WallClock) {
        var loads: [(consumer: String, load: Load)] = services.consumers.map(\.feed).map { feed in (feed.consumer, { feed.waiting }) }
        if !services.brokerConsumers.isEmpty { loads = services.brokerConsumers.map { consumer in (consumer.service, { consumer.waiting }) } }
        feeds = loads.filter { PlatformPressure.onTheWay.contains($0.consumer) }.map(\.load)
        observers = loads.filter { !PlatformPressure.onTheWay.contains($0.consumer) }.map(\.load)
        (jobs, self.clock) = (services.payments.jobRunner, clock)
    }

    /// Events and calls to the provider that are waiting or being worked on, and the longest wait among them.
    func callAsFunction() -> AdmissionControl.Pressure {
        let now = clock.now()
        var pressure = AdmissionControl.Pressure(pending: jobs.backlog)
        for feed in feeds {
            let waiting = feed()
            pressure.pending += waiting.events
            pressure.delayMilliseconds = max(pressure.delayMilliseconds, PlatformPressure.age(waiting.since, now))
        }
        for feed in observers {
            pressure.delayMilliseconds = max(pressure.delayMilliseconds, PlatformPressure.age(feed().since, now) / PlatformPressure.patienceWithObservers)
        }
        return pressure
    }

    private static func age(_ since: Timestamp?, _ now: Timestamp) -> Int64 { since.map { max(0, now.milliseconds - $0.milliseconds) } ?? 0 }
}
