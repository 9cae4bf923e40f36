import Messaging
import Resilience
import Wire

/// How much accepted work the platform has not done: what the entry's gate goes by.
struct PlatformPressure: Sendable {
    /// What nobody waits for may lag behind this many times as long.
    private static let patienceWithObservers: Int64 = 4
    /// The services that an order passes on its way to its end.
    private static let onTheWay: Set<String> = ["orders", "inventory", "payments"]

    private let feeds: [EventFeed]
    private let observers: [EventFeed]
    private let jobs: JobRunner
    private let clock: any WallClock

    init(_ services: ServiceAssembly, clock: any WallClock) {
        let all = services.consumers.map(\.feed)
        feeds = all.filter { PlatformPressure.onTheWay.contains($0.consumer) }
        observers = all.filter { !PlatformPressure.onTheWay.contains($0.consumer) }
        (jobs, self.clock) = (services.payments.jobRunner, clock)
    }

    /// Events and calls to the provider that are waiting or being worked on, and the longest wait among them.
    func callAsFunction() -> AdmissionControl.Pressure {
        let now = clock.now()
        let delay = max(PlatformPressure.delay(of: feeds, now), PlatformPressure.delay(of: observers, now) / PlatformPressure.patienceWithObservers)
        return AdmissionControl.Pressure(pending: feeds.reduce(jobs.backlog) { $0 + $1.pending }, delayMilliseconds: delay)
    }

    private static func delay(of feeds: [EventFeed], _ now: Timestamp) -> Int64 {
        feeds.compactMap(\.oldestWaiting).min().map { max(0, now.milliseconds - $0.milliseconds) } ?? 0
    }
}
