import Gateway
import Logging
import Messaging
import Observability
import ServiceLifecycle
import Storage
import Synchronization

/// Asks every few seconds whether what this process depends on answers. So a readiness probe waits for nobody, and what was idle when it was lost is missed as well.
final class DependencyWatch: Service, CustomStringConvertible {
    /// Something outside of this process.
    struct Dependency: Sendable {
        let name: String
        /// Whether nothing can be served without it.
        let isEssential: Bool
        /// How long it may be silent: as long as a request would wait for it.
        var tolerance: Duration = .seconds(10)
        var interval: Duration = .seconds(3)
        /// Returns when it has answered.
        let ask: @Sendable () async throws -> Void
    }

    private struct Record {
        var answeredAt: ContinuousClock.Instant
        var isFailing = false
        /// Whether its silence has been logged.
        var isReported = false
    }

    let dependencies: [Dependency]
    private let clock: any WallClock
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger
    private let records: Mutex<[Record]>

    var description: String { "dependencies" }

    /// A watch over these; all of them count as answering until the first has been silent for too long.
    /// - Parameter now: the clock that nobody sets.
    init(_ dependencies: [Dependency], clock: any WallClock, logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        (self.dependencies, self.clock, self.logger, self.now) = (dependencies, clock, logger, now)
        records = Mutex(dependencies.map { _ in Record(answeredAt: now()) })
    }

    func run() async throws {
        // A service that ends by itself ends the process.
        guard !dependencies.isEmpty else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for index in self.dependencies.indices { group.addTask { await self.follow(index) } }
            }
        }
    }

    private func follow(_ index: Int) async {
        while !Task.isCancelled {
            await look(at: index)
            try? await clock.sleep(for: dependencies[index].interval)
        }
    }

    /// Asks one of them.
    func look(at index: Int) async {
        do {
            try await dependencies[index].ask()
            note(index, nil)
        } catch is CancellationError { return } catch StorageError.overloaded {
            // Too much to do is no silence: taking the process out would give the others its work as well.
            note(index, nil)
        } catch { note(index, error) }
    }

    private enum Change { case none, lost, back }

    private func note(_ index: Int, _ error: (any Error)?) {
        let (now, dependency) = (now(), dependencies[index])
        let change: Change = records.withLock { records in
            let before = records[index]
            guard error != nil else {
                records[index] = Record(answeredAt: now)
                return before.isReported ? .back : .none
            }
            records[index].isFailing = true
            guard !before.isReported, now - before.answeredAt > dependency.tolerance else { return .none }
            records[index].isReported = true
            return .lost
        }
        switch change {
        case .none: break
        case .back: logger.notice("a dependency answers again", metadata: ["dependency": "\(dependency.name)"])
        case .lost:
            logger.error("a dependency does not answer", metadata: ["dependency": "\(dependency.name)", "error": "\(error.map { "\($0)" } ?? "")"])
        }
    }

    /// What is said of each of them now.
    var checks: [HealthCheck] {
        let now = now()
        let silences = records.withLock { $0.map { now - $0.answeredAt } }
        return zip(dependencies, silences).map { dependency, silence in
            let isSilent = silence > dependency.tolerance
            return HealthCheck(
                dependency.name, problem: isSilent ? "has not answered for \(Int(silence / .seconds(1))) s" : nil, isEssential: dependency.isEssential)
        }
    }

    /// Whether the last question was answered by an error, or an answer is overdue: sooner known than ``checks``, and sooner wrong.
    func isFailing(_ name: String) -> Bool {
        guard let index = dependencies.firstIndex(where: { $0.name == name }) else { return false }
        let now = now()
        return records.withLock { $0[index].isFailing || now - $0[index].answeredAt > dependencies[index].tolerance }
    }

    /// Shows all of them among the metrics.
    func register(in registry: PrometheusRegistry) {
        for (index, dependency) in dependencies.enumerated() {
            registry.registerGauge(
                name: "waybill_dependency_up", help: "Whether what this process depends on answers: 1, or 0 when it has been silent for too long.",
                labels: [("dependency", dependency.name)]
            ) { [weak self] in self?.checks[index].problem == nil ? 1 : 0 }
        }
    }
}
