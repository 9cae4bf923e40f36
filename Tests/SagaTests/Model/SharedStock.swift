import Wire

@testable import Inventory

/// The state of an exploration, packed: the course of one order or of two, and the product that they share.
struct SharedStock {
    var first: Int
    var second: Int
    var available: Int
    var reserved: Int
    var sold: Int

    init(stock: Int) { (first, second, available, reserved, sold) = (0, 0, stock, 0, 0) }

    init(key: UInt64) {
        first = Int(truncatingIfNeeded: key & 0xFF_FFFF)
        second = Int(truncatingIfNeeded: (key >> 24) & 0xFF_FFFF)
        available = Int(truncatingIfNeeded: (key >> 48) & 31) - 8
        reserved = Int(truncatingIfNeeded: (key >> 53) & 31) - 8
        sold = Int(truncatingIfNeeded: (key >> 58) & 31) - 8
    }

    /// Orders have no names: two are told apart by their courses alone.
    func key(_ orders: Int) -> UInt64 {
        let (low, high) = orders == 1 || first <= second ? (first, second) : (second, first)
        let courses = UInt64(truncatingIfNeeded: low) | UInt64(truncatingIfNeeded: high) << 24
        let stock = UInt64(truncatingIfNeeded: available + 8) << 48 | UInt64(truncatingIfNeeded: reserved + 8) << 53
        return courses | stock | UInt64(truncatingIfNeeded: sold + 8) << 58
    }

    /// Moves units as one of the effects in ``CourseGraph/effects`` does; -1 times takes it back.
    mutating func apply(_ effect: Int, times: Int = 1) {
        let change = SharedStock.changes[effect]
        available += change.available * times
        reserved += change.reserved * times
        sold += change.sold * times
    }

    /// What the effects in ``CourseGraph/effects`` do to available, reserved and sold, as Inventory's own product does it.
    private static let changes: [(available: Int, reserved: Int, sold: Int)] = CourseGraph.effects.map { effect in
        var product = Product(id: Prototype.product, sku: "A", name: "", price: Prototype.total(.card), available: 0)
        product.perform(effect, 1)
        return (Int(product.available), Int(product.reserved), Int(product.sold))
    }
}
