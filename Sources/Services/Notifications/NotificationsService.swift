import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Web

/// Tells customers what becomes of their orders, once per order, kind and channel.
public final class NotificationsService: ServiceModule {
    public let database: any Database
    /// Sends what is due; a simulation drives its steps.
    public let jobs: JobRunner
    private let recording: RecordNotification

    /// The service on its database.
    /// - Parameter channels: where every notification goes; nil for the log alone. Their names must differ.
    public init(_ environment: ServiceEnvironment, channels: [any NotificationChannel]? = nil) {
        let channels = channels ?? [LogChannel(logger: environment.logger)]
        let sending = SendNotification(
            channels: Dictionary(channels.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }), outbox: environment.outbox,
            logger: environment.logger)
        let claim = environment.role.jobClaimMilliseconds
        let jobs = JobRunner(
            handlers: [sending], database: environment.database, context: environment.context, logger: environment.logger, claimMilliseconds: claim)
        database = environment.database
        self.jobs = jobs
        let runsTasks = environment.role.runsTasks
        recording = RecordNotification(channels: channels.map(\.name), queue: JobQueue(claimMilliseconds: claim) { if runsTasks { jobs.offer($0) } })
    }

    public let name = Choreography.Participant.notifications.rawValue

    /// The schema of its database.
    public static let migrations = [
        Migration(version: 1, name: "notifications", statements: MessagingSchema.statements + NotificationTable.statements),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]
    public var migrations: [Migration] { Self.migrations }

    public var handler: (any EventHandler)? { recording }

    public var routes: [Route] {
        let list = ListNotifications(database: database)
        return [
            Route(
                .get, "/notifications", .listNotifications,
                access: .roles([.customer, .support, .admin, .service], .readNotifications, own: .orderInQuery("orderId"))
            ) {
                try await list($0)
            }
        ]
    }

    public var runners: [any Service] { [jobs] }
}
