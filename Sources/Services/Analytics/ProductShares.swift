import Contracts
import Wire

/// What of an order falls to each product: the lines of a product taken together.
struct ProductShares: Sendable, Equatable {
    struct Share: Sendable, Equatable {
        /// The SKU, or the product's id where the order names no SKU.
        let product: String
        var lines: Int64
        var units: Int64
        /// Minor units.
        var amount: Int64
    }

    /// One per product, in the order of their first lines.
    private(set) var shares: [Share] = []

    init() {}

    /// The shares of an order's lines.
    /// - Throws: ``ImplausibleOrder``.
    init(_ lines: [OrderLine]) throws(ImplausibleOrder) {
        var index: [String: Int] = [:]
        for line in lines {
            guard let amount = line.price.times(line.quantity)?.minorUnits, (0...Money.maximumMinorUnits).contains(line.quantity) else {
                throw ImplausibleOrder(reason: "a line has an amount beyond all bounds")
            }
            let product = line.sku ?? line.productID?.description ?? "unknown"
            if let place = index[product] {
                shares[place].lines += 1
                shares[place].units += line.quantity
                shares[place].amount += amount
            } else {
                index[product] = shares.count
                shares.append(Share(product: product, lines: 1, units: line.quantity, amount: amount))
            }
        }
    }

    /// The amount of all products.
    var amount: Int64 { shares.reduce(0) { $0 + $1.amount } }

    /// Divides an amount over the products by what they cost. The parts add up exactly to the amount, and are the products' own amounts when the whole
    /// order is paid or given back.
    func division(of amount: Int64) -> [Int64] {
        let whole = self.amount
        if amount == whole { return shares.map(\.amount) }
        guard amount != 0, whole > 0 else { return shares.indices.map { $0 == 0 ? amount : 0 } }
        var before: Int128 = 0
        var given: Int64 = 0
        return shares.map { share in
            before += Int128(share.amount)
            let through = Int64(Int128(amount) * before / Int128(whole))
            defer { given = through }
            return through - given
        }
    }
}

/// An order that no order service could have accepted; its event becomes a dead letter.
struct ImplausibleOrder: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }
}

/// The compact form in the database: per product the length and bytes of its name, lines, units and amount, all numbers as LEB128.
extension ProductShares {
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shares.count * 16)
        func append(_ value: Int64) {
            var rest = UInt64(bitPattern: value)
            while rest >= 128 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        for share in shares {
            append(Int64(share.product.utf8.count))
            bytes.append(contentsOf: share.product.utf8)
            append(share.lines)
            append(share.units)
            append(share.amount)
        }
        return bytes
    }

    /// Reads the compact form; nil for bytes that are none.
    init?(bytes: [UInt8]) {
        var rest = bytes[...]
        func number() -> Int64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = rest.popFirst(), shift < 64 {
                value |= UInt64(byte & 127) << shift
                if byte < 128 { return Int64(bitPattern: value) }
                shift += 7
            }
            return nil
        }
        while !rest.isEmpty {
            guard let length = number(), length >= 0, length <= rest.count else { return nil }
            let product = String(decoding: rest.prefix(Int(length)), as: UTF8.self)
            rest = rest.dropFirst(Int(length))
            guard let lines = number(), let units = number(), let amount = number() else { return nil }
            shares.append(Share(product: product, lines: lines, units: units, amount: amount))
        }
    }
}
