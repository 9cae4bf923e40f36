import Logging
import Storage
import StorageSQLite

#if ENGINE_POSTGRES
    import StoragePostgres
#endif

/// Brings the schemas of a platform's databases up to date, or says what that would do. Every start of a service does the same with its own; this is for those who want it
/// done before, by an account that may, or want to see it first.
public struct SchemaMigration: Sendable {
    /// What became of one database, or would.
    public struct Outcome: Sendable {
        /// `orders`, `payment-provider`.
        public let database: String
        /// Whether there was such a database.
        public var exists = true
        /// The version that its schema had before; 0 where it had none.
        public var before = 0
        /// What was applied, or would be.
        public var steps: [Migration] = []
        /// Why it was left as it was; nil where all is well.
        public var problem: String?

        /// The version that its schema has now, or would have.
        public var after: Int { steps.last?.version ?? before }
    }

    private let configuration: PlatformConfiguration
    private let logger: Logger

    /// - Parameter configuration: names the databases, and by its services which of them are meant.
    public init(_ configuration: PlatformConfiguration, logger: Logger) { (self.configuration, self.logger) = (configuration, logger) }

    private var room: EngineRoom { EngineRoom(configuration: configuration, logger: logger) { _, _ in } }
    private var schemas: [ServiceSchema] { ServiceSchema.all.filter { ProcessParts(configuration.engines).owns($0.name) } }

    /// Goes through the databases, one after the other. What is wrong with one keeps none of the others.
    /// - Parameter isDryRun: whether everything is left as it is.
    /// - Returns: one outcome per database.
    /// - Throws: ``PlatformError`` where the data folder cannot be had, because a platform runs on it.
    public func run(isDryRun: Bool) async throws -> [Outcome] {
        // Held until the end: nobody may begin to work with a file whose schema is just being changed.
        let folder = try isDryRun ? nil : heldFolder()
        var outcomes: [Outcome] = []
        for schema in schemas { outcomes.append(await outcome(schema, isDryRun)) }
        withExtendedLifetime(folder) {}
        return outcomes
    }

    private func heldFolder() throws -> DataFolder? {
        guard case .sqlite = configuration.engines.storage, case .folder(let path) = configuration.storage else { return nil }
        return try DataFolder(path)
    }

    private func outcome(_ schema: ServiceSchema, _ isDryRun: Bool) async -> Outcome {
        var outcome = Outcome(database: schema.name)
        do {
            let state = try await room.schemaState(schema.name)
            (outcome.exists, outcome.before) = (state != .noDatabase, state.version)
            if state == .noDatabase, !room.makesDatabases { throw PlatformError("there is no such database; waybill doctor says how to make it") }
            let steps = try state.pending(schema.migrations, owner: schema.name)
            if !isDryRun, !steps.isEmpty { try await apply(schema) }
            outcome.steps = steps
        } catch { outcome.problem = "\(error)" }
        return outcome
    }

    private func apply(_ schema: ServiceSchema) async throws {
        let database = try room.database(schema.name)
        let result: Result<Void, any Error>
        do {
            #if ENGINE_POSTGRES
                // What the server says is worth more than that it was away for as long as a write waits.
                try await (database as? PostgresDatabase)?.open()
            #endif
            result = .success(try await database.migrate(schema.migrations, owner: schema.name))
        } catch { result = .failure(error) }
        await database.close()
        try result.get()
    }
}

extension EngineRoom {
    /// Whether a database that is missing may be made.
    var makesDatabases: Bool {
        guard case .postgres(let settings) = configuration.engines.storage else { return true }
        return settings.createsDatabases
    }

    /// What the schema of a database is at. Makes nothing.
    func schemaState(_ name: String) async throws -> SchemaState {
        switch (configuration.engines.storage, configuration.storage) {
        case (.sqlite, .memory): return .noDatabase
        case (.sqlite, .folder(let path)): return try await SQLiteFile.schema(at: "\(path)/\(name).sqlite")
        case (.postgres, _):
            #if ENGINE_POSTGRES
                let database = try database(name)
                let result: Result<SchemaState, any Error>
                do { result = .success(try await (database as? PostgresDatabase)?.schemaState() ?? .applied([])) } catch { result = .failure(error) }
                await database.close()
                return try result.get()
            #else
                throw EngineRoom.lacks("postgres")
            #endif
        }
    }
}
