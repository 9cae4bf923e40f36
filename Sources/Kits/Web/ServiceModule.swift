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

    public init(database: any Database, context: ServiceContext, outbox: Outbox, logger: Logger) {
        (self.database, self.context, self.outbox, self.logger) = (database, context, outbox, logger)
    }
}
