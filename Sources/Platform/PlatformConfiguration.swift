import Identity
import Orders
import Resilience
import Web

/// Everything that can be set about a platform, or about the part of it that runs in this process.
public struct PlatformConfiguration: Sendable {
    /// Where the databases lie.
    public enum Storage: Sendable {
        /// One SQLite file per service in this folder, which is created.
        case folder(String)
        /// In memory, gone at the end; for tests.
        case memory
    }

    public var storage: Storage
    /// What runs in this process, and on which engines.
    public var engines = EngineConfiguration()
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port = 8080
    public var orders = OrdersConfiguration()
    /// How long a call to the payment provider may take before its outcome counts as unknown.
    public var paymentTimeout: Duration = .seconds(10)
    /// How often the busy database of a service in the order's way commits at most; see `SQLiteDatabase.Configuration`.
    public var commitInterval: Duration = .milliseconds(2)

    /// The same while orders are being refused: larger batches do more of what has been accepted, which waits a little longer. Zero, the default, changes nothing:
    /// what it gains has not been measured on a quiet machine.
    public var strainedCommitInterval: Duration = .zero

    /// For how long events gather on their way to a broker and from it, while there are more of them; see `OutboxRelay` and `BrokerConsumer`. Without a broker nothing.
    public var deliveryInterval: Duration = .milliseconds(20)

    /// The bounds of accepted work where a broker carries the events: what an order has waiting is several events, each counted wherever somebody waits for it.
    public static let limitsWithBroker = 2048...16_384

    /// Whether those who send requests have to say who they are.
    public var authentication = AuthenticationConfiguration.off
    /// What the platform's own tokens say.
    public var identity = IdentityConfiguration()

    /// How much is let in at once.
    public var admission = AdmissionControl.Configuration()
    /// How fast callers may ask.
    public var rateLimits = RateLimitSettings()
    /// How many connections are served at once; those beyond are answered 503 and closed.
    public var maximumConnections = 4096
    /// How the entry meets the outside.
    public var edge = EdgeConfiguration()
    /// The folder with Swagger UI's files, which the page at `/docs` is made of; nil for a plain page.
    public var docsFolder: String?
    /// How long clients and load balancers have to notice that the platform is being shut down, before connections are closed.
    public var drainDelay: Duration = .milliseconds(500)

    /// Networks that webhooks may lie in besides the public internet, also without TLS: for development and tests.
    public var webhookNetworks: [NetworkRange] = []

    /// The same for every database: what nobody waits for gathers longer, because a large batch costs a third per order of what a small one does.
    func commitInterval(of database: String) -> Duration {
        // Beyond a tenth of a second nothing is gained, and a batch no longer holds what comes in the meantime.
        let longest = max(commitInterval, .milliseconds(100))
        return switch database {
        case "analytics": min(commitInterval * 45, longest)
        case "notifications": min(commitInterval * 24, longest)
        // Streams of events show what the archive has committed.
        case "operations": min(commitInterval * 4, longest)
        default: commitInterval
        }
    }

    /// How much of a SQLite database its writer keeps in memory. SQLite goes through all of it at most commits, so that no more is kept than what is used again: for
    /// what is only added to, the ends of a few tables.
    static func cacheKiB(of database: String) -> Int {
        switch database {
        case "payments", "notifications", "payment-provider": 2048
        case "operations", "analytics": 4096
        default: 8192
        }
    }

    public init(storage: Storage) { self.storage = storage }
}
