import Contracts
import Foundation
import Logging
import Messaging
import Observability
import Storage
import StorageSQLite
import Testing
import WaybillClient
import Wire

@testable import Platform

/// The audit of a running platform, from outside.
@Suite struct AuditTests {
    @Test func `an audit while orders flow finds nothing`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 100_000)
            let methods = ["test_approve", "test_approve", "test_decline", "offline"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for index in 0..<40 {
                            let id = try await shop.order("TEA", method: methods[(worker + index) % methods.count])
                            if index % 5 == 0 { _ = try await shop.send("POST", "/orders/\(id)/cancel") }
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<3 {
                        let report = try await shop.send("POST", "/admin/audit", "{}")
                        #expect(report.status == 200)
                        #expect(report.json["findings"]?.array == [], "\(report.json)")
                    }
                }
                try await group.waitForAll()
            }
            try await shop.eventually("all is at rest") { try await shop.send("POST", "/admin/audit", "{}").json["moving"]?.integer == 0 }
            let report = try await shop.send("POST", "/admin/audit", "{}").json
            #expect(report["clean"]?.bool == true, "\(report)")
            #expect(report["orders"]?.integer == 320)
            #expect(report["total"]?.integer == 320)
            #expect(report["undecided"]?.array == [])
        }
    }

    @Test func `the audit in the background says that it runs, and what it checks`() async throws {
        try await RunningPlatform.with { shop in
            try await shop.product("TEA", units: 10)
            let id = try await shop.order("TEA", method: "offline")
            try await shop.eventually(id, is: "RESERVED")
            try await shop.eventually("a sweep") { try await shop.send("GET", "/admin/audit").json["sweptAt"]?.string != nil }
            let audit = try await shop.send("GET", "/admin/audit").json
            #expect(audit["clean"]?.bool == true)
            let rules = try await shop.send("GET", "/admin/audit/rules").json["items"]?.array ?? []
            #expect(rules.count > 30)
            #expect(rules.allSatisfy { $0["title"]?.string?.isEmpty == false && $0["standing"]?.integer == 0 })
            let explanation = try await shop.send("GET", "/orders/\(id)/explain").json
            #expect(explanation["waitsFor"]?[0]?["party"] == .string("operator"))
            try await shop.eventually("the gauge of open orders") {
                try await shop.client.send(ClientRequest(path: "/metrics")).text.contains("waybill_orders_open 1")
            }
            #expect(try await shop.send("GET", "/admin/stuck-orders?overdue=false").json["count"]?.integer == 1)
            let done = try await shop.send("POST", "/admin/orders/\(id)/compensate", headers: [("X-Waybill-Actor", "carol")])
            #expect(done.status == 200, "\(done.json)")
            try await shop.eventually(id, is: "CANCELLED")
        }
    }

    @Test(arguments: [
        ("POST", "/admin/audit", #"{"repair":"yes"}"#, 422), ("POST", "/admin/audit", #"{"orderId":"x"}"#, 422), ("POST", "/admin/audit", #"{"limit":0}"#, 422),
        ("POST", "/admin/audit", #"{"cursor":"01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6"}"#, 422), ("POST", "/admin/audit", #"{"what":1}"#, 422),
        ("POST", "/admin/audit", "[]", 422), ("POST", "/admin/audit", "{", 400), ("GET", "/admin/audit?x=1", "", 400),
        ("POST", "/admin/orders/not-an-id/resume", "", 404), ("POST", "/admin/orders/01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6/resume", "", 404),
        ("POST", "/admin/orders/01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6/compensate", "", 404),
        ("GET", "/orders/01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6/explain", "", 404),
        ("GET", "/admin/stuck-orders?status=PAID", "", 400),
    ])
    func `bad input is refused`(method: String, path: String, body: String, status: Int) async throws {
        try await RunningPlatform.with { shop in
            let answer = try await shop.send(method, path, body.isEmpty ? nil : body)
            #expect(answer.status == status, "\(answer.json)")
            #expect(answer.headers("Content-Type") == "application/problem+json")
        }
    }

    @Test func `an administrator's deed is done once per key`() async throws {
        try await RunningPlatform.with { shop in
            let key = [("Idempotency-Key", "audit-once")]
            let first = try await shop.send("POST", "/admin/audit", "{}", headers: key)
            #expect(first.status == 200 && first.headers("Idempotency-Replayed") == nil)
            let second = try await shop.send("POST", "/admin/audit", "{}", headers: key)
            #expect(second.status == 200 && second.headers("Idempotency-Replayed") == "true")
            #expect(second.json == first.json)
            #expect(try await shop.send("POST", "/admin/audit", #"{"repair":true}"#, headers: key).status == 422)
            // A refusal is not remembered, here as anywhere.
            let unknown = "/admin/dead-letters/orders:01a1fe64-f0a4-7000-8e2c-cb7c09f05ea6/redrive"
            for _ in 0..<2 {
                let refused = try await shop.send("POST", unknown, "{}", headers: key)
                #expect(refused.status == 404 && refused.headers("Idempotency-Replayed") == nil)
            }
        }
    }

    @Test func `an actor's name that is too long is refused`() async throws {
        try await RunningPlatform.with { shop in
            let answer = try await shop.send("POST", "/admin/audit", "{}", headers: [("X-Waybill-Actor", String(repeating: "a", count: 101))])
            #expect(answer.status == 400)
        }
    }

    @Test func `a folder is audited and repaired while nothing runs on it, and refused while something does`() async throws {
        try await withTemporaryFolder { folder in
            let product = Names()
            try await RunningPlatform.with(folder: folder) { shop in
                await product.add(try await shop.product("TEA", units: 100))
                for method in ["test_approve", "test_decline", "offline"] { _ = try await shop.order("TEA", method: method) }
                try await shop.eventually("at rest") { try await shop.send("POST", "/admin/audit", "{}").json["moving"]?.integer == 0 }
                await #expect(throws: PlatformError.self) { try await AuditTests.audit(folder) }
            }
            #expect(try await AuditTests.audit(folder).findings == [])
            let inventory = try SQLiteDatabase(name: "inventory", path: folder + "/inventory.sqlite")
            _ = try await inventory.write { try $0.execute(SQL("UPDATE products SET available = available + 1")) }
            await inventory.close()
            let report = try await AuditTests.audit(folder)
            #expect(report.findings.map(\.rule) == ["S1-available"])
            #expect(report.findings.map(\.subject.description) == ["product \(await product.all[0])"])
            #expect(report.orders == 3)
            #expect(try await AuditTests.audit(folder, repairingAs: "dave").repairs.count == 1)
            #expect(try await AuditTests.audit(folder).findings == [])
        }
    }

    private static func audit(_ folder: String, repairingAs actor: String? = nil) async throws -> AuditReport {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let platform = try WaybillPlatform(PlatformConfiguration(storage: .folder(folder)), logger: logger, registry: PrometheusRegistry())
        return try await platform.audit(order: nil, repairingAs: actor) { _, _ in }
    }

    @Test func `every metric that an alert names is there`() async throws {
        let alerts = try AlertRules(contentsOf: "deploy/prometheus/waybill-alerts.yml")
        #expect(alerts.count > 10)
        #expect(
            alerts.metrics.isSuperset(of: [
                "waybill_orders_overdue", "waybill_audit_findings", "waybill_audit_last_seconds", "waybill_feed_backlog", "waybill_outbox_oldest_age_seconds",
                "waybill_outbox_held_orders", "waybill_broker_lag", "waybill_storage_oldest_transaction_seconds", "waybill_upstream_breaker",
                "waybill_upstream_ejected",
            ]))
        // What is there without an engine or another process; the rest registers as it does where there are some.
        let registry = PrometheusRegistry()
        let pool = try UpstreamPool("orders", urls: ["http://127.0.0.1:1"]) { 0 }
        pool.register(in: registry)
        let watch = DeliveryWatch(
            service: "orders", transactions: NoTransactions(), broker: nil, lease: nil, clock: SystemClock(), logger: Logger(label: "test"))
        watch.register(in: registry)
        let elsewhere = AuditTests.families(registry.render())
        await pool.shutdown()
        try await RunningPlatform.with(broker: MemoryBroker()) { shop in
            let page = try await shop.client.send(ClientRequest(path: "/metrics")).text
            let families = AuditTests.families(page).union(elsewhere)
            for metric in alerts.metrics { #expect(families.contains(metric), "\(metric)") }
        }
    }

    /// The metrics on a page.
    private static func families(_ page: String) -> Set<String> {
        Set(page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) })
    }
}

private final class NoTransactions: TransactionWatch {
    func oldestTransactionAge() async throws -> Duration { .zero }
}

/// The file of alerts: its shape, and the metrics in its expressions. Reads the subset of YAML that the file keeps to, and refuses everything else.
private struct AlertRules {
    private(set) var count = 0
    private(set) var metrics: Set<String> = []

    init(contentsOf path: String, file: String = #filePath) throws {
        var root = URL(fileURLWithPath: file)
        while root.lastPathComponent != "Tests", root.path != "/" { root.deleteLastPathComponent() }
        let text = try String(contentsOf: root.deletingLastPathComponent().appendingPathComponent(path), encoding: .utf8)
        var keys: [Int: String] = [:]
        for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !raw.isEmpty && !raw.hasPrefix("#") {
            var line = Substring(raw)
            guard !line.contains("\t") else { throw Unexpected("line \(number + 1) has a tab") }
            var depth = line.prefix { $0 == " " }.count
            line = line.dropFirst(depth)
            if line.hasPrefix("- ") {
                line = line.dropFirst(2)
                depth += 2
            }
            guard depth % 2 == 0, let colon = line.firstIndex(of: ":") else { throw Unexpected("line \(number + 1) is no key: \(raw)") }
            let (key, value) = (String(line[..<colon]), line[line.index(after: colon)...].drop { $0 == " " })
            guard value.isEmpty || !value.hasPrefix("\"") || value.hasSuffix("\"") && value.count > 1 else {
                throw Unexpected("line \(number + 1): an open quote")
            }
            keys = keys.filter { $0.key < depth }
            keys[depth] = key
            guard key != "alert" else {
                count += 1
                continue
            }
            guard key == "expr" else { continue }
            let words = value.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
            metrics.formUnion(words.filter { $0.hasPrefix("waybill_") || $0.hasPrefix("process_") })
        }
    }
}
