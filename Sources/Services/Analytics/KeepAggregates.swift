import Logging
import Messaging
import ServiceLifecycle
import Storage
import Wire

/// Takes up rebuilds that were cut off, and forgets the ids of events that cannot come again.
final class KeepAggregates: Service, CustomStringConvertible {
    /// How long ids of counted events are kept: longer than anything redelivers.
    static let age: Int64 = 30 * 86_400_000
    private static let chunk = 2000
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let rebuild: RebuildAggregates
    private let isInCharge: @Sendable () -> Bool
    let description = "keep aggregates"

    init(database: any Database, context: ServiceContext, logger: Logger, rebuild: RebuildAggregates, isInCharge: @escaping @Sendable () -> Bool = { true }) {
        self.isInCharge = isInCharge
        (self.database, self.context, self.logger, self.rebuild) = (database, context, logger, rebuild)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                do {
                    // Where there are several processes, the others may be the ones that are at it.
                    guard self.isInCharge() else {
                        try await self.context.clock.sleep(for: .seconds(5))
                        continue
                    }
                    _ = try await self.rebuild.resume()
                    if round % 720 == 0 { try await self.forget() }
                } catch is CancellationError { return } catch StorageError.closed { return } catch {
                    self.logger.error("cannot keep the aggregates", metadata: ["error": "\(error)"])
                }
                round += 1
                try? await self.context.clock.sleep(for: .seconds(5))
            }
        }
    }

    /// Forgets old ids, but not while a rebuild compares them.
    func forget() async throws {
        let limit = context.now.advanced(byMilliseconds: -KeepAggregates.age)
        var forgotten: Int
        repeat {
            forgotten = try await database.write { transaction in
                guard try !ProgressTable.load(in: transaction).isRebuilding else { return 0 }
                return try ProgressTable.forget(before: limit, limit: KeepAggregates.chunk, in: transaction)
            }
        } while forgotten == KeepAggregates.chunk
    }
}
