import Foundation
import Logging
import Storage
import StorageSQLite

#if ENGINE_POSTGRES
    import StoragePostgres
#endif

/// Looks at every connection that a platform's configuration names, for `waybill doctor`: opens it as the platform would, lets it examine itself, closes it.
public struct EngineExaminations: Sendable {
    /// One connection's.
    public typealias Examination = @Sendable () async -> [EngineFinding]

    private let configuration: PlatformConfiguration
    private let logger: Logger

    public init(_ configuration: PlatformConfiguration, logger: Logger) { (self.configuration, self.logger) = (configuration, logger) }

    /// One per connection, in the order in which their findings are shown. They may run at once.
    public var all: [Examination] { databases + [broker, cache, upstreams, certificate] }

    private var room: EngineRoom { EngineRoom(configuration: configuration, logger: logger, pace: CommitPace()) { _, _ in } }
    private var schemas: [ServiceSchema] { ServiceSchema.all.filter { ProcessParts(configuration.engines).reads($0.name) } }

    private var databases: [Examination] {
        switch configuration.engines.storage {
        // An SQLite database is a file of this machine, whose schema is all that is to be known of it.
        case .sqlite: [files]
        case .postgres: schemas.map(server)
        }
    }

    private var files: Examination {
        {
            guard case .folder(let folder) = configuration.storage else { return [] }
            var findings: [EngineFinding] = []
            for schema in schemas {
                findings += await examine("schema \(schema.name)", "data") {
                    let state = try await SQLiteFile.schema(at: "\(folder)/\(schema.name).sqlite")
                    return state == .noDatabase ? [] : [state.finding("schema \(schema.name)", schema.migrations, owner: schema.name)]
                }
            }
            return findings
        }
    }

    private func server(_ schema: ServiceSchema) -> Examination {
        {
            await examine("postgresql \(schema.name)", "postgres.url") {
                let database = try room.database(schema.name)
                #if ENGINE_POSTGRES
                    let findings = await (database as? PostgresDatabase)?.examine(schema.migrations, owner: schema.name) ?? []
                #else
                    let findings: [EngineFinding] = []
                #endif
                await database.close()
                return findings
            }
        }
    }

    private var broker: Examination {
        {
            guard ProcessParts(configuration.engines).carriesEvents else { return [] }
            return await examine("broker", "broker") {
                guard let broker = try room.broker() else { return [] }
                let findings = await broker.examine(Distribution.topology(partitions: room.partitions))
                await broker.close()
                return findings
            }
        }
    }

    private var cache: Examination {
        {
            guard configuration.engines.runs(.orders), configuration.engines.cache != .memory else { return [] }
            return await examine("cache", "cache") {
                guard let cache = try room.cache() else { return [] }
                let findings = await cache.examine()
                await cache.close()
                return findings
            }
        }
    }

    private var upstreams: Examination {
        {
            await examine("upstreams", "upstreams") {
                let remote = try RemoteServices(configuration.engines, clock: SystemClock(), logger: logger)
                let findings = await remote.examine()
                for pool in remote.pools { await pool.shutdown() }
                return findings
            }
        }
    }

    private var certificate: Examination {
        {
            guard configuration.engines.runs(.gateway), let files = configuration.edge.tls else { return [] }
            return CertificateExamination(files: files, now: SystemClock().now())()
        }
    }

    /// What cannot even be opened is a finding.
    private func examine(_ name: String, _ setting: String, _ body: () async throws -> [EngineFinding]) async -> [EngineFinding] {
        do { return try await body() } catch { return [EngineFinding(.fail, name, "\(error)", advice: "correct the setting \(setting)")] }
    }
}
