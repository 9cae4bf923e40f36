import Messaging
import ServiceLifecycle

/// The first thing that happens when the platform is told to stop: readiness says so, and every answer asks its client to use another connection, while everything is
/// still served. Only then is the entry closed: by that time nobody has a request on its way to it.
public struct Farewell: Service, CustomStringConvertible {
    public var description: String { "farewell" }
    private let gate: AdmissionGate
    private let delay: Duration
    private let clock: any WallClock

    /// - Parameter delay: how long clients and load balancers have to notice.
    public init(gate: AdmissionGate, delay: Duration, clock: any WallClock) { (self.gate, self.delay, self.clock) = (gate, delay, clock) }

    public func run() async throws {
        do { try await gracefulShutdown() } catch { return }
        gate.drain()
        try? await clock.sleep(for: delay)
    }
}
