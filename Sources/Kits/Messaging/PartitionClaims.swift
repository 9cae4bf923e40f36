import Storage
import Synchronization
import Wire

/// Which process of a service may apply the events of which partition: rows in the service's database, checked in the transaction of every effect.
///
/// A broker gives a partition to another member when it has not heard of the first for a while; the first may be alive, slow, and about to commit. Whoever gets a partition raises its
/// epoch before it applies anything, and whoever finds another epoch than its own applies nothing (RELIABILITY, trap 4).
public final class PartitionClaims: Sendable {
    /// Another process has claimed a partition: what was about to be applied is rolled back, and comes again to whoever has the partition now.
    public struct Lost: Error, CustomStringConvertible {
        public let partition: String
        public var description: String { "partition \(partition) has passed to another process" }
    }

    /// A partition as this process claimed it.
    private struct Claim {
        let session: Int64
        let epoch: Int64
    }

    private static let raise = SQL(
        """
        INSERT INTO claims (place, epoch, owner) VALUES ($1, 1, $2)
        ON CONFLICT (place) DO UPDATE SET epoch = claims.epoch + 1, owner = excluded.owner
        """)
    private static let read = SQL("SELECT epoch FROM claims WHERE place = $1")
    private static let check = SQL("SELECT place, epoch FROM claims WHERE place = $1 {forShare}")

    private let owner: String
    private let claims = Mutex<[String: Claim]>([:])

    /// - Parameter owner: this process, for people who look at the table.
    public init(owner: String) { self.owner = owner }

    /// The partitions of these deliveries that came to this member since it last claimed them.
    func unclaimed(_ deliveries: [BrokerDelivery]) -> [String: Int64] {
        claims.withLock { claims in
            var found: [String: Int64] = [:]
            for delivery in deliveries where claims[delivery.partition]?.session != delivery.session { found[delivery.partition] = delivery.session }
            return found
        }
    }

    /// Claims partitions, in the order of their names so that two who claim wait for each other in turn.
    func claim(_ partitions: [String: Int64], in database: any Database) async throws {
        let (names, owner) = (partitions.keys.sorted(), self.owner)
        let epochs = try await database.write { transaction in
            try transaction.execute(PartitionClaims.raise, each: names.map { [.text($0), .text(owner)] })
            return try transaction.query(PartitionClaims.read, each: names.map { [.text($0)] }) { $0.integer(0) }
        }
        claims.withLock { claims in
            for (name, epoch) in zip(names, epochs) { claims[name] = Claim(session: partitions[name] ?? 0, epoch: epoch) }
        }
    }

    /// Asks, inside a write transaction, whether these partitions are still this process's; they stay so until it ends.
    /// - Returns: what tells, once the answers are there; it throws ``Lost``.
    func check(_ partitions: [String], in transaction: any Transaction) throws -> () throws -> Void {
        var epochs: [String: Int64] = [:]
        try transaction.ask(PartitionClaims.check, each: partitions.map { [.text($0)] }) { epochs[$0.text(0)] = $0.integer(1) }
        return {
            try self.claims.withLock { claims in
                for partition in partitions where claims[partition] == nil || epochs[partition] != claims[partition]?.epoch {
                    throw Lost(partition: partition)
                }
            }
        }
    }

    /// Forgets all claims: whatever comes next is claimed anew.
    func forget() { claims.withLock { $0 = [:] } }
}
