import Contracts
import Storage
import Wire

/// Inventory as a witness.
struct StockOnRecord: StockWitness {
    let database: any Database

    private static let reservations = SQL("SELECT order_id, state, updated_at FROM reservations WHERE order_id >= $1 AND order_id <= $2")
    private static let lines = SQL(
        """
        SELECT order_id, count(*), sum(CASE WHEN quantity <= 1000000000000 THEN quantity ELSE 1000000000001 END)
        FROM reservation_lines WHERE order_id >= $1 AND order_id <= $2 GROUP BY order_id
        """)
    private static let products = SQL("SELECT id, sku, available, reserved, sold FROM products ORDER BY id")
    private static let adjustments = SQL("SELECT product_id, sum(delta), count(*) FROM stock_adjustments GROUP BY product_id")
    private static let held = SQL(
        """
        SELECT l.product_id, r.state, sum(CASE WHEN l.quantity <= 1000000000000 THEN l.quantity ELSE 1000000000001 END)
        FROM reservations AS r JOIN reservation_lines AS l ON l.order_id = r.order_id WHERE r.state IN (1, 5) GROUP BY l.product_id, r.state
        """)

    func reservations(in ranges: [OrderRange]) async throws -> [ReservationTestimony] {
        let keys = ranges.map { [SQLValue.id($0.first), .id($0.last)] }
        return try await database.read { transaction in
            var reservations = try transaction.query(StockOnRecord.reservations, each: keys) { row in
                let state = ReservationState(code: row.integer(1)).flatMap { ReservationTestimony.State(rawValue: $0.rawValue) }
                return ReservationTestimony(orderID: row.id(0), state: state, updatedAt: row.time(2))
            }
            var places: [OrderID: Int] = [:]
            for (place, reservation) in reservations.enumerated() { places[reservation.orderID] = place }
            try transaction.fetch(StockOnRecord.lines, each: keys) { row in
                if let place = places[row.id(0)] { reservations[place].lines = LineTotals(lines: row.integer(1), units: row.integer(2)) }
            }
            return reservations
        }
    }

    func products() async throws -> [ProductTestimony] {
        try await database.read { transaction in
            let adjusted = Dictionary(
                try transaction.query(StockOnRecord.adjustments) { ($0.id(0), (sum: $0.integer(1), count: $0.integer(2))) }, uniquingKeysWith: { a, _ in a })
            var held: [ProductID: Int64] = [:]
            var gone: [ProductID: Int64] = [:]
            try transaction.fetch(StockOnRecord.held, each: [[]]) { row in
                if row.integer(1) == ReservationState.held.code { held[row.id(0)] = row.integer(2) } else { gone[row.id(0)] = row.integer(2) }
            }
            return try transaction.query(StockOnRecord.products) { row in
                let id = row.id(0)
                return ProductTestimony(
                    id: id, sku: row.text(1), available: row.integer(2), reserved: row.integer(3), sold: row.integer(4), adjusted: adjusted[id]?.sum ?? 0,
                    adjustments: adjusted[id]?.count ?? 0, held: held[id] ?? 0, gone: gone[id] ?? 0)
            }
        }
    }
}

extension InventoryService {
    /// What Inventory says to an auditor.
    public var witness: any StockWitness { StockOnRecord(database: database) }
}
