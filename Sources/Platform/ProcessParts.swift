import PaymentSimulator

/// Which services run in this process, and which databases they work with.
struct ProcessParts: Sendable {
    let local: Set<String>

    init(_ engines: EngineConfiguration) { local = Set(engines.services.filter { $0 != .gateway }.map(\.rawValue)) }

    func runs(_ service: String) -> Bool { local.contains(service) }

    /// Whether this process brings a database's schema up to date.
    func owns(_ database: String) -> Bool { runs(database) || database == SimulatedPaymentProvider.owner && runs("payments") }

    /// The auditor looks into everybody's books, the provider's included, and dead letters are tried again where they lie; a rebuild of the analytics reads the archive.
    func reads(_ database: String) -> Bool { owns(database) || runs("operations") || database == "operations" && runs("analytics") }
}
