import PaymentSimulator

/// Which services run in this process, and which databases they work with.
struct ProcessParts: Sendable {
    let local: Set<String>
    /// Whether something runs here that hears of events or tells of them.
    var carriesEvents: Bool { !local.subtracting([ServiceName.identity.rawValue]).isEmpty }

    init(_ engines: EngineConfiguration) { local = Set(engines.services.filter { $0 != .gateway }.map(\.rawValue)) }

    func runs(_ service: String) -> Bool { local.contains(service) }

    /// Whether this process brings a database's schema up to date.
    func owns(_ database: String) -> Bool { runs(database) || database == SimulatedPaymentProvider.owner && runs("payments") }

    /// The auditor looks into everybody's books, the provider's included, and dead letters are tried again where they lie; a rebuild of the analytics reads the archive.
    /// Who issues tokens lets nobody look.
    func reads(_ database: String) -> Bool {
        if owns(database) { return true }
        if database == ServiceName.identity.rawValue { return false }
        return runs("operations") || database == "operations" && runs("analytics")
    }
}
