import Contracts
import Storage
import Synchronization

/// What is available, in memory, for the question that comes before every order.
///
/// A product comes onto the board when it is changed or first asked for, and every commit of this process brings it up to date, in commit order. The answer is
/// advice (the reservation decides), so that a process which is not the only writer of its database may do without a board, but not with a stale one.
final class AvailabilityBoard: Sendable {
    /// Beyond so many products the board takes no new ones: some 40 MB.
    private static let capacity = 200_000

    private struct State {
        var products: [ProductID: ProductAvailability] = [:]
        var ids: [String: ProductID] = [:]
    }
    private let state = Mutex(State())
    private let isKept: Bool

    /// - Parameter isKept: whether this process learns of every change; if not, the board stays empty and every question goes to the database.
    init(isKept: Bool = true) { self.isKept = isKept }

    /// The product of a question, if it is on the board.
    func find(_ question: AvailabilityQuestion) -> ProductAvailability? {
        state.withLock { state in
            (question.productID ?? question.sku.flatMap { state.ids[$0] }).flatMap { state.products[$0] }
        }
    }

    /// Puts up what a transaction changed, once it is durable.
    func update(_ products: [Product], in transaction: any Transaction) {
        guard isKept, !products.isEmpty else { return }
        transaction.onCommit { [self] in
            state.withLock { state in for product in products { put(product, &state) } }
        }
    }

    /// Puts up what was read, unless a commit has put up something younger meanwhile.
    func add(_ products: [Product]) {
        guard isKept else { return }
        state.withLock { state in
            for product in products where state.products[product.id] == nil { put(product, &state) }
        }
    }

    private func put(_ product: Product, _ state: inout State) {
        if state.products[product.id] == nil {
            guard state.products.count < AvailabilityBoard.capacity else { return }
            state.ids[product.sku] = product.id
        }
        state.products[product.id] = ProductAvailability(
            productID: product.id, sku: product.sku, price: product.price, available: product.available)
    }
}
