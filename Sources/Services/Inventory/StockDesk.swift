import Contracts
import Messaging
import Storage
import Wire

/// The stock and the reservations that a batch is about: locked and loaded once, changed in memory, written once.
struct StockDesk {
    private var products: [ProductID: Product] = [:]
    private var idBySKU: [String: ProductID] = [:]
    private var states: [OrderID: ReservationState] = [:]
    private var lines: [OrderID: [StockReservation]] = [:]
    private var changedProducts: Set<ProductID> = []
    private var changedOrders: [OrderID] = []
    private var isChanged: Set<OrderID> = []
    private var newLines: [(OrderID, [StockReservation])] = []

    /// Loads what the events are about.
    init(_ events: [Envelope], in transaction: any Transaction) throws {
        var seen = Set<OrderID>(minimumCapacity: events.count)
        let orders = events.map(\.key).filter { seen.insert($0).inserted }
        states = try StockStore.states(of: orders, in: transaction)
        // Only orders that hold something can give something back.
        let held = try StockStore.lines(of: orders.filter { states[$0] == .held }, in: transaction)
        var ids = Set(held.map(\.productID))
        var skus: Set<String> = []
        for case let order as OrderCreated in events.lazy.map(\.event) {
            for line in order.lines {
                if let id = line.productID { ids.insert(id) } else if let sku = line.sku { skus.insert(sku) }
            }
        }
        add(try StockStore.lock(ids: ids, in: transaction))
        skus.subtract(idBySKU.keys)
        add(try StockStore.lock(skus: skus, in: transaction))
        for line in held {
            lines[line.orderID, default: []].append(
                StockReservation(
                    productID: line.productID, sku: products[line.productID]?.sku ?? "", quantity: line.quantity, reservationID: line.reservationID))
        }
    }

    private mutating func add(_ found: [Product]) {
        products.reserveCapacity(products.count + found.count)
        idBySKU.reserveCapacity(idBySKU.count + found.count)
        for product in found {
            products[product.id] = product
            idBySKU[product.sku] = product.id
        }
    }

    private func product(of line: OrderLine) -> Product? { (line.productID ?? line.sku.flatMap { idBySKU[$0] }).flatMap { products[$0] } }

    /// The products of which there is not enough for all lines together, each named once; empty when all can be held.
    func shortages(of orderLines: [OrderLine]) -> [StockShortage] {
        var wanted: [ProductID: Int64] = [:]
        var shortages: [StockShortage] = []
        for line in orderLines {
            guard let product = product(of: line) else {
                shortages.append(StockShortage(productID: line.productID, sku: line.sku, requested: line.quantity, available: 0))
                continue
            }
            wanted[product.id, default: 0] += line.quantity
        }
        for line in orderLines {
            guard let product = product(of: line), let requested = wanted.removeValue(forKey: product.id), requested > product.available else { continue }
            shortages.append(StockShortage(productID: product.id, sku: product.sku, requested: requested, available: product.available))
        }
        return shortages
    }

    /// The catalogue's prices that are not what the lines name, each product once; for orders whose prices nobody could compare before.
    func changedPrices(of orderLines: [OrderLine]) -> [CataloguePrice] {
        var named: Set<ProductID> = []
        return orderLines.compactMap { line in
            guard let product = product(of: line), product.price != line.price, named.insert(product.id).inserted else { return nil }
            return CataloguePrice(productID: product.id, sku: product.sku, price: product.price)
        }
    }

    /// Moves an order's reservation on.
    mutating func apply(_ input: ReservationState.Input, to order: OrderID) -> ReservationState.Effect {
        let before = states[order] ?? .none
        var state = before
        let effect = state.apply(input)
        if state != before {
            states[order] = state
            if isChanged.insert(order).inserted { changedOrders.append(order) }
        }
        return effect
    }

    /// Moves the stock of an order's lines as an effect demands.
    /// - Parameter wanted: the lines that the order asks for, which are to be held.
    /// - Returns: the lines that were moved.
    mutating func perform(
        _ effect: ReservationState.Effect, _ wanted: [OrderLine], for order: OrderID, _ context: ServiceContext
    ) -> [StockReservation] {
        let moved: [StockReservation]
        switch effect {
        case .hold:
            moved = reservations(of: wanted, context)
            lines[order] = moved
            newLines.append((order, moved))
        case .release, .sell: moved = lines[order] ?? []
        case .reject, .answer, .nothing: return []
        }
        for line in moved {
            products[line.productID]?.perform(effect, line.quantity)
            changedProducts.insert(line.productID)
        }
        return moved
    }

    private func reservations(of wanted: [OrderLine], _ context: ServiceContext) -> [StockReservation] {
        wanted.compactMap { line in
            product(of: line).map { StockReservation(productID: $0.id, sku: $0.sku, quantity: line.quantity, reservationID: context.newID()) }
        }
    }

    /// Writes everything.
    func commit(at now: Timestamp, board: AvailabilityBoard, in transaction: any Transaction) throws {
        let changed = changedProducts.sorted().compactMap { products[$0] }
        try StockStore.updateStock(changed, in: transaction)
        board.update(changed, in: transaction)
        try StockStore.save(changedOrders.compactMap { order in states[order].map { (order, $0) } }, at: now, in: transaction)
        try StockStore.insert(newLines, in: transaction)
    }
}
