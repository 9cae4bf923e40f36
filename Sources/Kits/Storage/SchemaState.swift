/// What a database says of its schema, before anything is changed.
public enum SchemaState: Sendable, Equatable {
    /// There is no such database.
    case noDatabase
    /// The steps that were applied, in the order of their versions; none where no service has ever used it.
    case applied([Migration.Applied])

    /// The version that the schema is at; 0 where nothing was applied.
    public var version: Int {
        guard case .applied(let steps) = self else { return 0 }
        return steps.last?.version ?? 0
    }

    /// The steps that a program would apply.
    /// - Throws: ``MigrationError`` where it would refuse the database.
    public func pending(_ migrations: [Migration], owner: String) throws(MigrationError) -> [Migration] {
        guard case .applied(let steps) = self else { return migrations }
        return try Migration.pending(migrations, applied: steps, owner: owner)
    }

    /// How the schema compares with what a program knows: a line of `waybill doctor`.
    /// - Parameters:
    ///   - name: what was looked at.
    ///   - migrations: what the program knows of this database.
    public func finding(_ name: String, _ migrations: [Migration], owner: String) -> EngineFinding {
        do throws(MigrationError) {
            let pending = try pending(migrations, owner: owner)
            if pending.isEmpty { return EngineFinding(.ok, name, "version \(version) of the service \(owner), nothing is to be applied") }
            let steps = pending.map { "\($0.version) (\($0.name))" }.joined(separator: "; ")
            let words = version == 0 ? "no migration has been applied yet" : "version \(version); to be applied: \(steps)"
            return EngineFinding(.warn, name, words, advice: "run waybill migrate, or start the service, which applies them")
        } catch { return EngineFinding(.fail, name, "\(error)", advice: SchemaState.advice(error)) }
    }

    private static func advice(_ error: MigrationError) -> String {
        switch error {
        case .foreign: "give every service a database of its own: look at {service} in the connection string"
        case .newer: "run the program of that version, or a later one"
        case .gap, .edited: "run the program that applied it, or restore the database from before"
        }
    }
}
