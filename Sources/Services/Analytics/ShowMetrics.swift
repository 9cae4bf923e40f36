import Contracts
import Storage
import Web
import Wire

/// `GET /analytics/metrics`: how much was counted, and how fast orders are paid.
struct ShowMetrics: Sendable {
    let database: any Database

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let (aggregates, rows, progress) = try await database.read { transaction in
            let aggregates = try AggregateTables.load(products: false, in: transaction)
            return (aggregates, try AggregateTables.rowCounts(in: transaction), try ProgressTable.load(in: transaction))
        }
        return .json(capacity: 1024) { json in
            json.member("events", aggregates.events.values.reduce(0, +))
            json.key("eventsByType")
            json.object { json in
                for (type, count) in aggregates.events.sorted(by: { $0.key < $1.key }) {
                    json.key(escaping: type)
                    json.integer(count)
                }
            }
            json.key("rows")
            json.object { json in
                json.member("orders", aggregates.statuses.values.reduce(0, +))
                json.member("hours", rows[.hour] ?? 0)
                json.member("countries", rows[.country] ?? 0)
                json.member("products", rows[.product] ?? 0)
            }
            json.key("createdToPaidMs")
            aggregates.latency.write(to: &json)
            progress.write(to: &json)
            json.member("generation", progress.generation)
        }
    }
}
