import Foundation
import Testing

@testable import waybill

@Suite("Retail file against its published truth")
struct RetailTruthTests {
    /// `../shared/data` beside the package.
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared/data")

    @Test("Every figure of the nine months is reproduced to the penny")
    func truth() throws {
        let source = Self.folder.appendingPathComponent("online_retail_dev.csv.gz")
        let truthFile = Self.folder.appendingPathComponent("orders_truth_dev.json")
        guard FileManager.default.fileExists(atPath: source.path), let data = FileManager.default.contents(atPath: truthFile.path) else {
            print("SKIPPED: \(source.path) is not there, so the retail rules are not compared with their truth.")
            return
        }
        let truth = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let clock = ContinuousClock()
        let begin = clock.now
        let file = try RetailFile(path: source.path)
        let summary = file.summary
        print("Read \(file.lineCount) lines into \(file.orders.count) orders in \(clock.now - begin).")

        let mine = try #require(try JSONSerialization.jsonObject(with: Data(summary.json().utf8)) as? [String: Any])
        #expect(mine.keys.sorted() == ["by_country", "by_month", "top20_products_by_revenue", "totals"])
        for (key, value) in mine {
            #expect(try canonical(value) == canonical(#require(truth[key])), "\(key) differs")
        }
        let setAside = Dictionary(uniqueKeysWithValues: file.setAside.map { ($0.key.rawValue, $0.value) })
        #expect(setAside == truth["set_aside_lines"] as? [String: Int])
        #expect(file.products.count == truth["products"] as? Int)
        #expect(file.products.reduce(0) { $0 + $1.unitsNeeded } == summary.totals.units)
        #expect(Set(file.orders.compactMap(\.customerID)).count == truth["customers"] as? Int)
        #expect(file.orders.filter { $0.customerID == nil }.count == truth["orders_without_customer"] as? Int)
        #expect(file.orders.map(\.lines.count).max() == truth["max_lines"] as? Int)
        #expect(file.orders.flatMap(\.lines).map(\.quantity).max().map(Int.init) == truth["max_quantity"] as? Int)
        #expect(file.orders.map(\.totalMinor).max().map(MinorUnits.decimal) == truth["max_order_total"] as? String)
        #expect(file.orders.filter { $0.totalMinor == 0 }.count == truth["zero_total_orders"] as? Int)
    }

    private func canonical(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value, options: .sortedKeys), as: UTF8.self)
    }
}
