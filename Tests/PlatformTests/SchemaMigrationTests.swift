import Foundation
import Logging
import Observability
import Storage
import Testing

@testable import Platform

/// What is asked of databases before anything is started: `waybill migrate`, `waybill doctor` and the audit beside a platform.
@Suite struct SchemaMigrationTests {
    private static let names = ["orders", "inventory", "payments", "notifications", "analytics", "operations", "identity", "payment-provider"]

    private var logger: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-migrate-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func run(_ configuration: PlatformConfiguration, isDryRun: Bool = false) async throws -> [SchemaMigration.Outcome] {
        try await SchemaMigration(configuration, logger: logger).run(isDryRun: isDryRun)
    }

    private func findings(_ configuration: PlatformConfiguration) async -> [EngineFinding] {
        var findings: [EngineFinding] = []
        for examination in EngineExaminations(configuration, logger: logger).all { findings += await examination() }
        return findings
    }

    @Test func `a folder's files are made and brought up to date once, and a dry run makes nothing`() async throws {
        try await withFolder { folder in
            let configuration = PlatformConfiguration(storage: .folder(folder))
            let planned = try await run(configuration, isDryRun: true)
            #expect(planned.map(\.database) == Self.names)
            #expect(planned.allSatisfy { !$0.exists && $0.before == 0 && !$0.steps.isEmpty && $0.problem == nil })
            #expect(!FileManager.default.fileExists(atPath: folder))
            let unmade = await findings(configuration)
            #expect(unmade == [], "of files that are not there yet there is nothing to say")

            let done = try await run(configuration)
            #expect(done.map(\.after) == planned.map(\.after) && done.allSatisfy { $0.problem == nil })
            let again = try await run(configuration)
            #expect(again.allSatisfy { $0.exists && $0.steps.isEmpty && $0.before == $0.after && $0.problem == nil })
            let examined = await findings(configuration)
            #expect(examined.map(\.name) == Self.names.map { "schema \($0)" })
            #expect(examined.allSatisfy { $0.verdict == .ok })

            var part = configuration
            part.engines.services = [.gateway, .payments]
            let own = try await run(part)
            #expect(own.map(\.database) == ["payments", "payment-provider"])
        }
    }

    @Test func `the files of a running platform are left alone, and another service's database is told`() async throws {
        try await withFolder { folder in
            let configuration = PlatformConfiguration(storage: .folder(folder))
            _ = try await run(configuration)
            let held = try DataFolder(folder)
            await #expect(throws: PlatformError.self) { try await run(configuration) }
            // Looking is allowed meanwhile.
            let looked = try await run(configuration, isDryRun: true)
            #expect(looked.allSatisfy { $0.problem == nil })
            withExtendedLifetime(held) {}
        }
        try await withFolder { folder in
            let configuration = PlatformConfiguration(storage: .folder(folder))
            _ = try await run(configuration)
            for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: "\(folder)/orders.sqlite\(end)") }
            try FileManager.default.copyItem(atPath: "\(folder)/payments.sqlite", toPath: "\(folder)/orders.sqlite")
            let outcomes = try await run(configuration)
            #expect(outcomes.filter { $0.problem != nil }.map(\.database) == ["orders"])
            #expect(outcomes[0].problem?.contains("belongs to the service \"payments\"") == true)
            let failed = await findings(configuration).filter { $0.verdict == .fail }
            #expect(failed.map(\.name) == ["schema orders"])
        }
    }

    // MARK: On a server

    private static let server = ProcessInfo.processInfo.environment["WAYBILL_TEST_POSTGRES"]

    /// All services in one database of the server, a schema each.
    private func withSchemas(_ body: (PlatformConfiguration) async throws -> Void) async throws {
        let test = "m" + String(UInt64.random(in: .min ... .max), radix: 36)
        var configuration = PlatformConfiguration(storage: .memory)
        var postgres = PostgresSettings(url: try #require(Self.server))
        postgres.schemaPrefix = test + "_"
        configuration.engines.storage = .postgres(postgres)
        defer { TestTopology.postgres.dropSchemas(test) }
        try await body(configuration)
    }

    @Test(.enabled(if: SchemaMigrationTests.server != nil, "set WAYBILL_TEST_POSTGRES"))
    func `services that share a server's database have a schema each, which doctor compares`() async throws {
        try await withSchemas { configuration in
            let before = await findings(configuration)
            let schemas = before.filter { $0.name.hasSuffix(" schema") }
            #expect(schemas.map(\.name) == Self.names.map { "postgresql \($0) schema" })
            #expect(schemas.allSatisfy { $0.verdict == .warn && $0.advice.contains("waybill migrate") }, "\(schemas)")
            let planned = try await run(configuration, isDryRun: true)
            #expect(planned.allSatisfy { $0.before == 0 && !$0.steps.isEmpty && $0.problem == nil })
            let unchanged = await findings(configuration).filter { $0.name.hasSuffix(" schema") }
            #expect(unchanged == schemas, "a dry run changes nothing")
            let done = try await run(configuration)
            #expect(done.allSatisfy { $0.problem == nil })
            let after = await findings(configuration)
            #expect(after.allSatisfy { $0.verdict != .fail && (!$0.name.hasSuffix(" schema") || $0.verdict == .ok) })
            let again = try await run(configuration)
            #expect(again.allSatisfy { $0.steps.isEmpty && $0.problem == nil })
        }
    }

    @Test(.enabled(if: SchemaMigrationTests.server != nil, "set WAYBILL_TEST_POSTGRES"))
    func `a server's databases can be audited while nothing runs, if they are what the program knows`() async throws {
        try await withSchemas { configuration in
            let auditor = try WaybillPlatform(configuration, logger: logger, registry: PrometheusRegistry())
            let error = await #expect(throws: PlatformError.self) { _ = try await auditor.auditBeside(order: nil) { _, _ in } }
            #expect(error?.description.contains("no migration has been applied yet") == true)
            _ = try await run(configuration)
            let report = try await auditor.auditBeside(order: nil) { _, _ in }
            #expect(report.findings.isEmpty && report.orders == 0)
        }
    }
}
