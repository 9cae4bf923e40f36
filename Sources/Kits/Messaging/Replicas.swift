/// What the runtime of a service minds where other processes of the same service work on the same database.
public struct Replicas: Sendable {
    /// Who may do what only one may: relay the outbox, try parked events again.
    public let lease: Lease
    /// Which partitions are this process's.
    public let claims: PartitionClaims
    /// Wakes the relay of the service, for events that no ``Outbox`` has written.
    public let wakeRelay: @Sendable () -> Void

    public init(lease: Lease, claims: PartitionClaims, wakeRelay: @escaping @Sendable () -> Void) {
        (self.lease, self.claims, self.wakeRelay) = (lease, claims, wakeRelay)
    }
}
