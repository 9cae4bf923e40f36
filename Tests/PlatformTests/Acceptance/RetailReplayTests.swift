import Foundation
import Testing
import WaybillClient

@testable import waybill

/// A retailer's orders through the HTTP API, reconciled to the penny, and again.
@Suite struct RetailReplayTests {
    /// Invented lines in the form of the UCI Online Retail file, with all that an importer meets there.
    private static func invented() throws -> ReplayPlan { ReplayPlan(try RetailFile(path: root.appendingPathComponent("Tests/Fixtures/retail.csv").path)) }

    /// The first real orders, where the file lies beside the repository; nil elsewhere.
    private static func real() throws -> ReplayPlan? {
        let path = root.deletingLastPathComponent().appendingPathComponent("shared/data/online_retail_dev.csv.gz").path
        guard FileManager.default.fileExists(atPath: path) else {
            print("SKIPPED: \(path) is not there, so no real orders are replayed.")
            return nil
        }
        var text = [UInt8](repeating: 0, count: 1 << 20)
        let count = try text.withUnsafeMutableBytes { try GzipFile(path: path).read(into: $0) }
        let lines = String(decoding: text[..<count], as: UTF8.self).split(separator: "\n").dropLast().joined(separator: "\n")
        return ReplayPlan(try RetailFile(ByteArraySource(lines)), limit: 200)
    }

    /// The repository's root.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `a retailer's orders add up to the penny, and a second replay places none again`() async throws {
        let plan = try RetailReplayTests.invented()
        #expect(plan.orders.count == 300 && plan.setAside.count >= 4)
        try await RetailReplayTests.replay(plan, again: true)
    }

    @Test func `real orders add up to the penny`() async throws {
        if let plan = try RetailReplayTests.real() { try await RetailReplayTests.replay(plan) }
    }

    private static func replay(_ plan: ReplayPlan, again: Bool = false) async throws {
        try await RunningPlatform.with(RunningPlatform.patient) { shop in
            let replay = Replay(plan: plan, connections: 16, retryFor: .seconds(60), mode: .silent, patience: .seconds(30))
            for _ in 0..<(again ? 2 : 1) {
                let report = try await ClientOptions.withAPI(at: shop.url, connections: 16, timeout: .seconds(120)) { try await replay($0) }
                #expect(report.differences.map { "\($0.field): \($0.found) instead of \($0.expected)" } == [])
                #expect(report.isReconciled)
                #expect(report.platform.statuses == [.paid: plan.orders.count] && report.platform.others == 0)
            }
            try await shop.isSound()
        }
    }
}
