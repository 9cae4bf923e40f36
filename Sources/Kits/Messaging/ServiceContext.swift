import Storage
import Synchronization
import Wire

/// Where time comes from. Reactions, jobs and timers have no other clock, so that a simulation can own it.
public protocol WallClock: Sendable {
    /// The present moment.
    func now() -> Timestamp
    /// Waits; returns early with an error when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// Where identifiers and chance come from. The services of one process share one, so that what one of them causes is younger by its id than its cause.
public final class IdentifierSource: Sendable {
    private let state: Mutex<State>

    private struct State {
        var generator = IdentifierGenerator()
        var random: RandomSource
    }

    /// A source whose values derive from a seed: the same seed and calls give the same values.
    public init(seed: UInt64) { state = Mutex(State(random: RandomSource(seed: seed))) }

    func newID(at now: Timestamp) -> Identifier { state.withLock { $0.generator.next(now: now, random: $0.random.next()) } }
    func random() -> UInt64 { state.withLock { $0.random.next() } }
}

/// All that a service's code may know of the world besides its database: its own name, the clock, fresh identifiers and chance.
public final class ServiceContext: Sendable {
    /// The service's name, the `source` of its events.
    public let service: String
    /// The clock, for those who wait.
    public let clock: any WallClock
    private let identifiers: IdentifierSource

    /// A context for one service.
    public init(service: String, clock: any WallClock, identifiers: IdentifierSource) {
        (self.service, self.clock, self.identifiers) = (service, clock, identifiers)
    }

    /// A context with identifiers of its own.
    public convenience init(service: String, clock: any WallClock, seed: UInt64) {
        self.init(service: service, clock: clock, identifiers: IdentifierSource(seed: seed))
    }

    /// The present moment.
    public var now: Timestamp { clock.now() }

    /// A fresh version 7 UUID.
    public func newID() -> Identifier { identifiers.newID(at: now) }

    /// A fresh version 7 UUID of a moment that has been read already.
    public func newID(at now: Timestamp) -> Identifier { identifiers.newID(at: now) }

    /// 64 random bits.
    public func random() -> UInt64 { identifiers.random() }

    /// Wraps an event that this service decided: a new id, its name as the source, and the correlation and causation of what it reacts to.
    public func envelope(
        _ event: some Event, key: Identifier, version: Int64? = nil, because cause: Envelope? = nil, correlation: Identifier? = nil,
        causation: Identifier? = nil
    ) -> Envelope {
        let now = self.now
        let id = newID(at: now)
        return Envelope(
            id: id, source: service, key: key, version: version, correlationID: cause?.correlationID ?? correlation ?? id, causationID: cause?.id ?? causation,
            time: now,
            event: event)
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, fast, good enough to keep identifiers apart; not for secrets.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64
    /// A source that gives the same numbers for the same seed.
    public init(seed: UInt64) { state = seed }
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
