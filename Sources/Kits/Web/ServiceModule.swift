import Logging
import Messaging
import ServiceLifecycle
import Storage

/// A service's front door: all that the platform needs to run it, as lists. It is the first file to read of a service.
public protocol ServiceModule: Sendable {
    /// The service's name: the owner of its database, the source of its events.
    var name: String { get }
    /// Its own database.
    var database: any Database { get }
    /// The schema of that database, the runtime's tables included.
    var migrations: [Migration] { get }
    /// What it does when events arrive; nil for a service that hears nothing.
    var handler: (any EventHandler)? { get }
    /// What it offers over HTTP, below `/api/v1`.
    var routes: [Route] { get }
    /// Its long tasks besides the consumer: jobs, timers.
    var runners: [any Service] { get }
}

/// What the platform gives a service to work with.
public struct ServiceEnvironment: Sendable {
    public let database: any Database
    public let context: ServiceContext
    public let outbox: Outbox
    public let logger: Logger
    /// What this process is to the service.
    public let role: ProcessRole

    public init(database: any Database, context: ServiceContext, outbox: Outbox, logger: Logger, role: ProcessRole = .alone) {
        (self.database, self.context, self.outbox, self.logger, self.role) = (database, context, outbox, logger, role)
    }
}

/// What a process is to a service: the only one that there is, or one of several that work on the same database.
public struct ProcessRole: Sendable {
    /// Whether nobody else writes to the service's database, so that what this process remembers of it is true.
    public let isAlone: Bool
    /// For how long a process has a job to itself that it wrote or took; 0 where it is alone.
    public let jobClaimMilliseconds: Int64
    /// Whether the service's own tasks run here: then a job that this process writes is its own to do. Else it only writes for the service, as an operator's redelivery does.
    public let runsTasks: Bool
    /// Whether this process is the one that does, at this moment, what only one may do.
    public let isInCharge: @Sendable () -> Bool
    /// The right to something of this name, which one process has at a time; nil where there is only this one.
    public let lease: @Sendable (_ name: String) -> Lease?

    /// The only process of its service.
    public static let alone = ProcessRole(isAlone: true, jobClaimMilliseconds: 0, isInCharge: { true })

    /// A process that has the database of a service which runs elsewhere: what it leaves there is others' to do, at once.
    public static let elsewhere = ProcessRole(isAlone: false, jobClaimMilliseconds: 0, runsTasks: false, isInCharge: { false })

    public init(
        isAlone: Bool, jobClaimMilliseconds: Int64, runsTasks: Bool = true, lease: @escaping @Sendable (_ name: String) -> Lease? = { _ in nil },
        isInCharge: @escaping @Sendable () -> Bool
    ) {
        (self.isAlone, self.jobClaimMilliseconds, self.runsTasks) = (isAlone, jobClaimMilliseconds, runsTasks)
        (self.lease, self.isInCharge) = (lease, isInCharge)
    }
}
