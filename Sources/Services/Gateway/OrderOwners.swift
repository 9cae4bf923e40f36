import Synchronization
import Wire

/// Whose an order is. An order never changes its owner, so that what was found once is remembered.
public final class OrderOwners: Sendable {
    /// What is known of an order.
    public enum Owner: Sendable, Equatable {
        /// There is no such order.
        case nobody
        /// The order names no customer.
        case guest
        case customer(String)

        /// Byte by byte, as databases compare: Swift takes the Kelvin sign for a K, and one customer must not be taken for another.
        public static func == (a: Owner, b: Owner) -> Bool {
            switch (a, b) {
            case (.nobody, .nobody), (.guest, .guest): true
            case (.customer(let a), .customer(let b)): a.utf8.elementsEqual(b.utf8)
            case (.nobody, _), (.guest, _), (.customer, _): false
            }
        }
    }

    /// Asks who keeps the orders.
    public typealias Lookup = @Sendable (Identifier) async throws -> Owner

    /// Two generations: when the young one is full it becomes the old one, whose entries are forgotten unless they were asked for again.
    private struct Memory {
        var young: [Identifier: Owner] = [:]
        var old: [Identifier: Owner] = [:]
    }
    private let memory = Mutex(Memory())
    private let capacity: Int
    private let lookup: Lookup

    /// - Parameter capacity: how many orders are remembered at least; at most twice as many.
    public init(capacity: Int = 20_000, lookup: @escaping Lookup) { (self.capacity, self.lookup) = (max(1, capacity), lookup) }

    /// - Throws: what the lookup throws.
    func owner(of order: Identifier) async throws -> Owner {
        if let known = memory.withLock({ $0.young[order] ?? $0.old[order] }) { return known }
        let owner = try await lookup(order)
        // What does not exist yet may be placed a moment later.
        guard owner != .nobody else { return owner }
        memory.withLock { memory in
            if memory.young.count >= capacity { (memory.old, memory.young) = (memory.young, [:]) }
            memory.young[order] = owner
        }
        return owner
    }
}
