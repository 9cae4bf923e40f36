import Storage
import Web
import Wire

/// `GET /analytics/dashboard`: revenue, orders, products and failures; for all orders or for those placed from `from` until before `to`.
struct ShowDashboard: Sendable {
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let top = try request.integer("top", in: 1...1000, default: 20)
        let granularity = try ShowDashboard.granularity(request)
        let range = try ShowDashboard.range(request)
        let dashboard = try await database.read { transaction in
            try range.map { try Dashboard($0, top: top, in: transaction) } ?? Dashboard(top: top, in: transaction)
        }
        return .json(capacity: 16_384) { dashboard.write(to: &$0, granularity: granularity) }
    }

    private static func granularity(_ request: WebRequest) throws(Problem) -> Dashboard.Granularity {
        guard let text = try request.parameter("granularity") else { return .month }
        guard let granularity = Dashboard.Granularity(rawValue: text) else { throw Problem.badParameter("granularity", "must be month, day or hour") }
        return granularity
    }

    private static func range(_ request: WebRequest) throws(Problem) -> Range<Timestamp>? {
        let (from, to) = (try request.timestamp("from"), try request.timestamp("to"))
        guard from != nil || to != nil else { return nil }
        let (lower, upper) = (from ?? Timestamp(milliseconds: .min), to ?? Timestamp(milliseconds: .max))
        guard lower <= upper else { throw Problem.badParameter("to", "must not be before \"from\"") }
        return lower..<upper
    }
}
