import Contracts
import Wire

extension OperationsService {
    /// All events of an order, decoded, by their identifiers. Types that this program does not know are left out.
    public func events(of order: OrderID) async throws -> [Envelope] {
        try await database.read { try EventArchive.timeline(of: order, in: $0) }.compactMap { event in
            do { return try Envelope(body: event.body, registry: EventCatalog.registry) } catch is UnknownEvent { return nil }
        }
    }
}
