import Contracts
import Messaging
import ServiceLifecycle
import Storage
import Web
import Wire

/// The business in numbers: sums over all events that can be thrown away and counted anew, and come out the same.
public final class AnalyticsService: ServiceModule {
    public let database: any Database
    let environment: ServiceEnvironment
    let rebuild: RebuildAggregates

    /// The service on its database.
    /// - Parameter history: the log that a rebuild reads.
    public init(_ environment: ServiceEnvironment, history: any EventHistory) {
        self.environment = environment
        database = environment.database
        rebuild = RebuildAggregates(
            database: environment.database, context: environment.context, logger: environment.logger, history: history, lease: environment.role.lease("rebuild")
        )
    }

    public let name = Choreography.Participant.analytics.rawValue

    /// The schema of its database.
    public static let migrations = [
        Migration(
            version: 1, name: "facts and sums",
            statements: MessagingSchema.statements + ProgressTable.statements + FactTable.statements + AggregateTables.statements),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
    ]
    public var migrations: [Migration] { Self.migrations }

    public var handler: (any EventHandler)? { AggregateEvents() }

    public var routes: [Route] {
        let dashboard = ShowDashboard(database: database)
        let metrics = ShowMetrics(database: database)
        return [
            Route(.get, "/analytics/dashboard", .showDashboard, access: .figures) { try await dashboard($0) },
            Route(.get, "/analytics/metrics", .showMetrics, access: .figures) { try await metrics($0) },
            Route(.post, "/analytics/rebuild", .rebuildAnalytics, access: .roles([.admin], .writeAnalytics), answer: .slow) { [rebuild] in
                try await rebuild.handle($0)
            },
        ]
    }

    public var runners: [any Service] {
        [
            KeepAggregates(
                database: database, context: environment.context, logger: environment.logger, rebuild: rebuild, isInCharge: environment.role.isInCharge)
        ]
    }

    /// Where the stored sums differ from the facts they are sums of, in words; empty when they agree, as they must. For audits.
    public func discrepancies() async throws -> [String] {
        try await database.read { transaction in
            let stored = try AggregateTables.load(products: true, in: transaction)
            var summed = Aggregates()
            try FactTable.scan(nil, in: transaction) { try summed.move(from: OrderFact(id: $0.id), to: $0) }
            return Aggregates.differences(stored, summed)
        }
    }
}

extension Aggregates {
    /// Every sum over orders that differs, in words.
    static func differences(_ stored: Aggregates, _ summed: Aggregates) -> [String] {
        var differences: [String] = []
        for key in Set(stored.sales.keys).union(summed.sales.keys).sorted() where stored.sales[key] != summed.sales[key] {
            let (stored, summed) = (stored.sales[key] ?? SalesFigures(), summed.sales[key] ?? SalesFigures())
            differences.append("sales by \(key.dimension) of \(key.bucket) in \(key.currency): stored \(stored), by the facts \(summed)")
        }
        if stored.statuses != summed.statuses { differences.append("orders by status: stored \(stored.statuses), by the facts \(summed.statuses)") }
        if stored.reasons != summed.reasons { differences.append("failures by reason: stored \(stored.reasons), by the facts \(summed.reasons)") }
        if stored.latency != summed.latency {
            differences.append("time from created to paid: stored \(stored.latency.counts), by the facts \(summed.latency.counts)")
        }
        return differences
    }
}

extension Access {
    /// Who sees the figures of the house.
    fileprivate static let figures = Access.roles([.support, .finance, .admin, .service], .readAnalytics)
}
