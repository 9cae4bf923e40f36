import Contracts
import HTTPTypes
import Messaging
import Storage
import Synchronization
import Web
import Wire

/// Accepts an order: checks it, asks Inventory whether there is enough, and answers 202 when it is durable.
final class PlaceOrder: Sendable {
    private let environment: ServiceEnvironment
    private let availability: AvailabilityCheck
    private let idempotent: IdempotentWrite
    private let configuration: OrdersConfiguration
    private let unpaid: UnpaidOrders
    /// When it was last said that Inventory cannot be asked, in milliseconds.
    private let complainedAt = Mutex<Int64>(0)

    init(_ environment: ServiceEnvironment, availability: @escaping AvailabilityCheck, idempotent: IdempotentWrite, configuration: OrdersConfiguration) {
        (self.environment, self.availability, self.idempotent, self.configuration) = (environment, availability, idempotent, configuration)
        unpaid = UnpaidOrders(configuration)
    }

    func callAsFunction(_ request: WebRequest) async throws -> WebResponse {
        let input = try PlaceOrderInput(request.object(), from: request.principal, for: request.customer, now: environment.context.now)
        let found = try await ask(input)
        try request.checkDeadline()
        let lines: [OrderLine]
        do {
            lines = try priced(input, found)
            if let found, !request.principal.setsPrices { try CataloguePrices.check(input.items, against: found) }
        } catch {
            // A repetition of what was accepted gets the first answer, also when the last unit is gone by now.
            if let earlier = try await idempotent.earlierAnswer(request) { return earlier.tellingVersion() }
            throw error
        }
        let total = try PlaceOrder.total(lines, input.currency)
        // Where Inventory cannot be asked now, it looks when it reserves.
        let hasPricesToCheck = found == nil && !request.principal.setsPrices
        return try await idempotent.run(request) { [self] transaction in
            // At most 2,000 lines of a million units.
            let units = lines.reduce(0) { $0 + $1.quantity }
            if let refusal = try unpaid.refusal(request.customer, adding: units, at: environment.context.now, in: transaction) { return .failure(refusal) }
            return .success(try accept(input, lines: lines, total: total, hasPricesToCheck: hasPricesToCheck, correlation: request.id, in: transaction))
        }.tellingVersion()
    }

    /// Asks Inventory; nil when it cannot be asked: then the order is let through as CREATED, and the saga decides. Whoever carries the question spares an Inventory
    /// that does not answer.
    private func ask(_ input: PlaceOrderInput) async throws(Problem) -> [ProductAvailability?]? {
        do {
            return try await availability(input.items.map { AvailabilityQuestion(productID: $0.productID, sku: $0.sku) })
        } catch is CancellationError {
            throw Problem.unavailable("The request was given up; nothing was done.")
        } catch {
            complain(error)
            return nil
        }
    }

    /// Says so once a second at most: while Inventory is away it is true of every order.
    private func complain(_ error: any Error) {
        let now = environment.context.now.milliseconds
        let isDue = complainedAt.withLock { last in
            guard now < last || now - last >= 1_000 else { return false }
            last = now
            return true
        }
        if isDue { environment.logger.warning("Inventory cannot be asked; orders are let through", metadata: ["error": "\(error)"]) }
    }

    /// The lines with ids and prices; refuses unknown products (422) and short stock (409).
    private func priced(_ input: PlaceOrderInput, _ found: [ProductAvailability?]?) throws(Problem) -> [OrderLine] {
        guard let found else {
            guard input.items.allSatisfy({ $0.price != nil }) else {
                throw Problem.unavailable("The catalogue cannot be reached; send a price for every item, or try again.", retryAfterSeconds: 5)
            }
            return input.items.map {
                OrderLine(productID: $0.productID, sku: $0.sku, quantity: $0.quantity, price: $0.price ?? Money(minorUnits: 0, currency: input.currency))
            }
        }
        var violations: [Problem.Violation] = []
        var lines: [OrderLine] = []
        lines.reserveCapacity(found.count)
        var wanted: [ProductID: Int64] = [:]
        for (index, (item, product)) in zip(input.items, found).enumerated() {
            guard let product else {
                violations.append(
                    .init(pointer: "/items/\(index)/\(item.productID == nil ? "sku" : "productId")", detail: "names a product that does not exist"))
                continue
            }
            if let sku = item.sku, sku != product.sku {
                violations.append(.init(pointer: "/items/\(index)/sku", detail: "is not the SKU of the product that productId names"))
            }
            if item.price == nil, product.price.currency != input.currency {
                violations.append(.init(pointer: "/items/\(index)", detail: "is sold in \(product.price.currency.code), not in \(input.currency.code)"))
            }
            wanted[product.productID, default: 0] += item.quantity
            lines.append(OrderLine(productID: product.productID, sku: product.sku, quantity: item.quantity, price: item.price ?? product.price))
        }
        guard violations.isEmpty else { throw Problem.invalid(violations) }
        var shortages: [StockShortage] = []
        for case let product? in found {
            guard let requested = wanted.removeValue(forKey: product.productID), requested > product.available else { continue }
            shortages.append(StockShortage(productID: product.productID, sku: product.sku, requested: requested, available: product.available))
        }
        guard shortages.isEmpty else { throw PlaceOrder.insufficient(shortages) }
        return lines
    }

    private static func insufficient(_ shortages: [StockShortage]) -> Problem {
        Problem(.conflict, "insufficient-stock", "There is not enough stock of \(shortages.count == 1 ? "a product" : "\(shortages.count) products").") {
            json in
            json.key("shortages")
            json.array(shortages) { json, shortage in
                json.object { json in
                    json.optional("productId", shortage.productID)
                    json.optional("sku", shortage.sku)
                    json.member("requested", shortage.requested)
                    json.member("available", shortage.available)
                }
            }
        }
    }

    private static func total(_ lines: [OrderLine], _ currency: Currency) throws(Problem) -> Money {
        var total = Money(minorUnits: 0, currency: currency)
        for (index, line) in lines.enumerated() {
            guard let amount = line.price.times(line.quantity), let sum = total.plus(amount) else {
                throw Problem.invalid([.init(pointer: "/items/\(index)", detail: "brings the total above the largest amount, 10^12 minor units")])
            }
            total = sum
        }
        return total
    }

    /// Writes the order, its deadline and OrderCreated in one transaction, and tells the client.
    private func accept(
        _ input: PlaceOrderInput, lines: [OrderLine], total: Money, hasPricesToCheck: Bool, correlation: Identifier, in transaction: any Transaction
    ) throws -> WebResponse {
        let context = environment.context
        let now = context.now
        let isOffline = input.paymentMethod == Order.offlineMethod
        let order = Order(
            id: context.newID(at: now), customerID: input.customerID, total: total, shippingCountry: input.shippingCountry, paymentMethod: input.paymentMethod,
            metadata: input.metadata, placedAt: input.placedAt ?? now, createdAt: now,
            deadline: now.advanced(byMilliseconds: isOffline ? configuration.offlineDeadlineMilliseconds : configuration.deadlineMilliseconds),
            correlationID: correlation, lineCount: Int64(lines.count), state: OrderState(status: .created, version: 1, isOffline: isOffline), updatedAt: now)
        try OrderStore.insert(order, lines: lines, in: transaction)
        try Timers.set([DueTimer(due: order.deadline, kind: ExpireOrders.timerKind, key: order.id)], in: transaction)
        let created = OrderCreated(
            customerID: order.customerID, lines: lines, total: total, shippingCountry: order.shippingCountry, paymentMethod: order.paymentMethod,
            placedAt: order.placedAt, hasPricesToCheck: hasPricesToCheck)
        try environment.outbox.append([context.envelope(created, key: order.id, version: 1, correlation: correlation)], in: transaction)
        return .json(.accepted, headers: [.location: "/api/v1/orders/\(order.id)"]) { OrderJSON.writeSummary(order, to: &$0) }
            .tellingVersion(of: order)
    }
}
