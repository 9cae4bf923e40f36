import Wire

/// Every event of the platform.
public enum EventCatalog {
    /// The types, in the order of an order's life.
    public static let types: [any Event.Type] = [
        OrderCreated.self, OrderReserved.self, OrderConfirmed.self, OrderShipped.self, OrderDelivered.self, OrderCancellationRequested.self,
        OrderCancelled.self, OrderFailed.self, InventoryReserved.self, InventoryInsufficient.self, InventoryReleased.self, StockAdjusted.self,
        PaymentProcessed.self, PaymentFailed.self, PaymentVoided.self, PaymentRefunded.self, NotificationSent.self, NotificationFailed.self,
    ]
    /// What stored events are decoded with.
    public static let registry = EventRegistry(types)
}
