import Messaging
import Observability
import Storage

extension WaybillPlatform {
    /// What looks at the broker and the database servers for the services that run here, and its gauges.
    func watches(_ services: ServiceAssembly, _ databases: [any Database], _ replicas: [String: ServiceReplica], _ broker: (any EventBroker)?)
        -> [DeliveryWatch]
    {
        let listening = Set(services.brokerConsumers.map(\.service))
        return databases.filter { services.runs($0.name) }.compactMap { database in
            let watch = DeliveryWatch(
                service: database.name, transactions: database as? any TransactionWatch, broker: listening.contains(database.name) ? broker : nil,
                lease: replicas[database.name]?.replicas.lease, clock: clock, logger: logger(for: database.name))
            guard watch.watchesLag || watch.watchesTransactions else { return nil }
            watch.register(in: registry)
            return watch
        }
    }
}

extension DeliveryWatch {
    /// Shows among the metrics what it has seen.
    func register(in registry: PrometheusRegistry) {
        if watchesLag {
            registry.registerGauge(
                name: "waybill_broker_lag", help: "Events that the broker has for a consumer, as the process with the lease sees it; 0 in the others.",
                labels: [("consumer", service)]
            ) { [weak self] in Double(self?.lag ?? 0) }
        }
        if watchesTransactions {
            registry.registerGauge(
                name: "waybill_storage_oldest_transaction_seconds",
                help: "Age of the oldest open transaction, as the process with the lease sees it; 0 in the others.", labels: [("database", service)]
            ) { [weak self] in (self?.oldestTransaction ?? .zero) / .seconds(1) }
        }
    }
}
