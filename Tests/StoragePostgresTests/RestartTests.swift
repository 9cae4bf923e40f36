import Foundation
import Storage
import StorageConformance
import StoragePostgres
import Synchronization
import Testing

@Suite("PostgreSQL that goes away", .enabled(if: TestServer.isWanted, TestServer.missing), .timeLimit(.minutes(5)))
struct RestartTests {
    /// What a load of writers was told about each of its rows.
    private final class Ledger: Sendable {
        private let next = Atomic<Int>(0)
        let acknowledged = Notes<Int>()
        let refused = Notes<Int>()
        let uncertain = Notes<Int>()
        private let isOver = Atomic<Bool>(false)

        func stop() { isOver.store(true, ordering: .relaxed) }

        func load(_ database: PostgresDatabase) async {
            while !isOver.load(ordering: .relaxed) {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                do {
                    try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(number)]) }
                    acknowledged.add(number)
                } catch StorageError.uncertain { uncertain.add(number) } catch { refused.add(number) }
            }
        }
    }

    @Test("a server that crashes three times under load loses nothing that was acknowledged, and the process goes on", arguments: [false, true])
    func crashes(isExclusive: Bool) async throws {
        let server = try await OwnServer.start()
        let told = Notes<StorageError>()
        var configuration = PostgresDatabase.Configuration(connection: try server.uri())
        configuration.commitInterval = .milliseconds(1)
        configuration.patience = .seconds(30)
        configuration.isExclusive = isExclusive
        configuration.onBroken = { told.add($0) }
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        try await database.migrate(Accounts.migrations, owner: "test")
        let ledger = Ledger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 { group.addTask { await ledger.load(database) } }
            for _ in 0..<3 {
                let before = ledger.acknowledged.all.count
                try await eventually("nothing is acknowledged any more") { ledger.acknowledged.all.count > before + 200 }
                try await server.crashAndStart()
            }
            let before = ledger.acknowledged.all.count
            try await eventually("nothing is acknowledged after the last crash") { ledger.acknowledged.all.count > before + 200 }
            ledger.stop()
            try await group.waitForAll()
        }
        let stored = Set(try await Accounts.all(in: database))
        #expect(ledger.acknowledged.all.filter { !stored.contains($0) } == [], "acknowledged and lost")
        #expect(ledger.refused.all == [], "a write that was not done waits for the server")
        #expect(stored.subtracting(ledger.acknowledged.all).subtracting(ledger.uncertain.all) == [], "done and not acknowledged")
        #expect(told.all == [])
        await database.close()
        try await server.remove()
    }

    @Test("while the server is stopped reads and writes say so within their patience, and all is well when it is back")
    func stopped() async throws {
        let server = try await OwnServer.start()
        var configuration = PostgresDatabase.Configuration(connection: try server.uri())
        configuration.patience = .milliseconds(500)
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        try await database.migrate(Accounts.migrations, owner: "test")
        try await server.stop()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    await #expect(throws: StorageError.away) {
                        try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(number)]) }
                    }
                    await #expect(throws: StorageError.away) { try await Accounts.all(in: database) }
                }
            }
        }
        #expect(database.waitingWrites == 0)
        try await server.start()
        try await eventually("the database did not come back") {
            do {
                try await database.write { try $0.execute(Accounts.insert, each: [Accounts.row(100)]) }
                return true
            } catch { return false }
        }
        #expect(try await Accounts.all(in: database) == [100])
        await database.close()
        try await server.remove()
    }

    @Test("of several hosts the primary is used, by those who read as well, and the new one after a failover")
    func severalHosts() async throws {
        let servers = [try await OwnServer.start(), try await OwnServer.start()]
        let ports = try servers.map { try $0.port() }
        try await servers[0].restart(asStandby: true)
        var configuration = PostgresDatabase.Configuration(connection: "postgres://waybill@127.0.0.1:\(ports[0]),127.0.0.1:\(ports[1])/postgres")
        configuration.patience = .seconds(30)
        let database = try PostgresDatabase(name: "test", configuration: configuration)
        let port = SQL("SELECT inet_server_port()")
        for primary in [1, 0] {
            if primary == 0 {
                try await servers[1].restart(asStandby: true)
                try await servers[0].restart(asStandby: false)
            }
            #expect(try await database.write { try $0.first(port) { Int($0.integer(0)) } } == ports[primary])
            #expect(try await database.read { try $0.first(port) { Int($0.integer(0)) } } == ports[primary])
        }
        #expect(await database.examine([], owner: "test").allSatisfy { $0.verdict != .fail })
        await database.close()
        for server in servers { try await server.remove() }
    }
}
