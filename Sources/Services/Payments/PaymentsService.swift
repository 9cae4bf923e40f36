import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Synchronization
import Web

/// Payments: takes the total of reserved orders through a provider, gives it back when they are cancelled, and never guesses.
public final class PaymentsService: ServiceModule {
    public let name = "payments"
    public let database: any Database
    /// The schema of its database.
    public static let migrations = PaymentStore.migrations
    public let migrations = PaymentStore.migrations
    public let handler: (any EventHandler)?
    public let routes: [Route]
    public let runners: [any Service]
    /// The worker that calls the provider; its backlog is a gauge.
    public let jobRunner: JobRunner
    let environment: ServiceEnvironment
    let jobs: JobQueue

    /// - Parameter timeout: how long a call to the provider may take before its outcome counts as unknown.
    public init(_ environment: ServiceEnvironment, provider: any PaymentProvider, timeout: Duration = .seconds(10)) {
        self.environment = environment
        database = environment.database
        let runner = LateRunner()
        let claim = environment.role.jobClaimMilliseconds
        let runsTasks = environment.role.runsTasks
        let jobs = JobQueue(claimMilliseconds: claim) { if runsTasks { runner.value?.offer($0) } }
        self.jobs = jobs
        let outbox = environment.outbox
        jobRunner = JobRunner(
            handlers: [
                ChargePayment(provider: provider, timeout: timeout, jobs: jobs, outbox: outbox),
                VoidPayment(provider: provider, timeout: timeout, jobs: jobs, outbox: outbox),
                RefundPayment(provider: provider, timeout: timeout, jobs: jobs, outbox: outbox),
            ], database: environment.database, context: environment.context, logger: environment.logger, claimMilliseconds: claim)
        runner.value = jobRunner
        handler = ReactToOrders(jobs: jobs, outbox: outbox)
        let read = ReadPayments(database: environment.database)
        routes = [
            Route(
                .get, "/payments", .listPayments,
                access: .roles([.customer, .support, .finance, .admin, .service], .readPayments, own: .orderInQuery("orderId")), read.list)
        ]
        runners = [jobRunner]
    }
}

/// The handlers queue jobs for the runner that is made of them: this ties the knot, loosely, so that both can go.
private final class LateRunner: Sendable {
    private struct Tie { weak var runner: JobRunner? }
    private let tie = Mutex(Tie())
    var value: JobRunner? {
        get { tie.withLock { $0.runner } }
        set { tie.withLock { $0.runner = newValue } }
    }
}
