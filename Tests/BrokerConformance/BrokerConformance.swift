import Messaging
import Testing

/// What the broker port promises to the runtime, as checks that every adapter's tests run against their own broker:
///
///     @Test("keeps what the port promises", arguments: BrokerConformance.allCases)
///     func conforms(_ promise: BrokerConformance) async throws { try await promise.check { isInterrupted in try await subject(isInterrupted) } }
///
/// A check reports through Swift Testing, so it may be called from a test only. Each uses topics and groups of its own, so that all can run at once on one
/// broker that others use as well.
public enum BrokerConformance: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case order = "messages of one key arrive in the order of their publication"
    case groups = "every group gets everything"
    case contents = "headers and bodies come back as they were sent, from nothing to a mebibyte"
    case durability = "what was published is there when publish returns, whoever looks for it, and although the publisher is gone"
    case publishers = "several publishers at once lose nothing"
    case callers = "several publish by one connection at once"
    case limits = "a member gets no more at once than it asks for, and never nothing"
    case leaving = "what a member did not acknowledge goes to another one when it leaves"
    case crashing = "what a member did not acknowledge goes to another one when it crashes"
    case rejoining = "a member that joins anew gets again what it did not acknowledge, in new sessions"
    case acknowledged = "what was acknowledged does not come again after a clean leave"
    case twoMembers = "two members share the partitions, and one takes over all when the other leaves"
    case threeMembers = "three members share the partitions, and two take over when one crashes"
    case backPressure = "a slow member holds little in memory and loses nothing"
    case backlog = "a large backlog drains in order"
    case outage = "an outage delays messages and loses none"
    case tooLarge = "a message that is too large is refused by its place in the batch, and the broker goes on"
    case foreign = "what another program published, with no attribute and no JSON, arrives as it is, and so does what comes after it"
    case unknownTopic = "that a topic does not exist is no message's fault, and the broker goes on"
    case closing = "closing ends a wait at once, and what is called later does no harm"
    case closingBroker = "closing the broker ends its subscriptions and refuses what comes later"
    case opening = "a topology can be opened often and by many at once"
    case lag = "the lag counts what is not acknowledged, where the broker can tell"
    case examination = "an examination of a healthy broker finds nothing wrong"

    public var testDescription: String { rawValue }

    /// Makes a subject.
    /// - Parameter isInterrupted: whether the check interrupts the broker, so that it must be one that nobody else uses.
    public typealias Make = @Sendable (_ isInterrupted: Bool) async throws -> BrokerSubject

    /// Runs the check.
    public func check(_ make: Make) async throws {
        let scene = Scene(try await make(self == .outage))
        do { try await run(scene) } catch {
            await scene.end()
            throw error
        }
        await scene.end()
    }

    private func run(_ scene: Scene) async throws {
        switch self {
        case .order: try await order(scene)
        case .groups: try await groups(scene)
        case .contents: try await contents(scene)
        case .durability: try await durability(scene)
        case .publishers: try await publishers(scene)
        case .callers: try await callers(scene)
        case .limits: try await limits(scene)
        case .leaving: try await redelivery(scene) { member, _ in await member.close() }
        case .crashing: try await redelivery(scene) { _, broker in await scene.subject.crash(broker) }
        case .rejoining: try await rejoining(scene)
        case .acknowledged: try await acknowledged(scene)
        case .twoMembers: try await twoMembers(scene)
        case .threeMembers: try await threeMembers(scene)
        case .backPressure: try await backPressure(scene)
        case .backlog: try await backlog(scene)
        case .outage: try await outage(scene)
        case .tooLarge: try await tooLarge(scene)
        case .foreign: try await foreign(scene)
        case .unknownTopic: try await unknownTopic(scene)
        case .closing: try await closing(scene)
        case .closingBroker: try await closingBroker(scene)
        case .opening: try await opening(scene)
        case .lag: try await lag(scene)
        case .examination: try await examination(scene)
        }
    }
}

/// A broker under test, and what the checks must know of its kind.
public struct BrokerSubject: Sendable {
    /// A new connection to the broker, as another process would have it; not opened yet.
    public let connect: @Sendable () async throws -> any EventBroker
    /// Ends everything of a connection as the end of its process would: without a word to the broker. Closes it where nothing else is possible.
    public var crash: @Sendable (any EventBroker) async -> Void = { await $0.close() }
    /// How many partitions a topic is to have.
    public var partitions = 4
    /// The size in bytes of a body that the broker does not accept; nil where there is no such size.
    public var tooLarge: Int?
    /// Whether the broker makes topics of its own accord when somebody publishes to them.
    public var makesTopics = false
    /// How many messages a subscription holds in memory that nobody took; nil where that cannot be seen.
    public var held: (@Sendable (any BrokerSubscription) -> Int)?
    /// The most that ``held`` may be.
    public var heldAtMost = Int.max
    /// How many messages are a large backlog.
    public var largeBacklog = 50_000
    /// How long a member may take to get its first message, and the others to take over from one that left.
    public var patience: Duration = .seconds(60)
    /// Takes the broker away from everybody until ``restore``; nil where that cannot be done.
    public var interrupt: (@Sendable () async throws -> Void)?
    /// Gives the broker back, with all that it had accepted.
    public var restore: (@Sendable () async throws -> Void)?
    /// Removes what the check has made, where the broker outlives the test.
    public var finish: @Sendable (BrokerTopology) async -> Void = { _ in }

    /// A subject with connections made by this closure.
    public init(connect: @escaping @Sendable () async throws -> any EventBroker) { self.connect = connect }
}
