import Foundation
import WaybillClient
import Wire

/// One run of the load generator against a running platform.
struct LoadRun: Sendable {
    let api: WaybillAPI
    let plan: LoadPlan
    let progress: ProgressBar
    /// Nil: the API's own token goes with all orders.
    var customers: BenchCustomers?

    private enum Part: Sendable {
        case worker(LoadTally)
        case usage(ServerUsage, ServerUsage, processes: [String: Double])
        case service
    }

    /// - Throws: ``BenchFailure`` and what the client throws, when the run cannot begin or its figures would be incomplete.
    func callAsFunction() async throws -> LoadSummary {
        _ = try await api.usage()
        guard plan.processes.isEmpty || !census().entries.isEmpty else { throw BenchFailure.noProcess(plan.processes) }
        _ = try await api.upsert(OrderTemplate.products(plan.products), retry: RetryPolicy(limit: .seconds(10)))
        let board = SettlementBoard()
        return try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask { [api] in
                await SettlementStream(http: api.http, board: board).run()
                return .service
            }
            defer { group.cancelAll() }
            let template = customers.map { OrderTemplate(products: plan.products, customers: $0.headers.count) } ?? OrderTemplate(products: plan.products)
            try await probe(template, board)
            let begin = ContinuousClock.now
            let window = LoadWindow(begin: begin + plan.warmup, end: begin + plan.warmup + plan.duration)
            addServices(to: &group, board, window)
            addWorkers(to: &group, board, template, window, begin)
            return try await collect(from: &group, board, window)
        }
    }

    /// Places orders until the event of one arrives: then the stream is open, and the whole saga works.
    private func probe(_ template: OrderTemplate, _ board: SettlementBoard) async throws {
        var random = SplitMix64(seed: plan.seed ^ 0x7072_6F62)
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            _ = try await api.place(template.body(using: &random), key: nil)
            for _ in 0..<20 where !board.hasSeenEvents { try await Task.sleep(for: .milliseconds(50)) }
            if board.hasSeenEvents { return }
        }
        throw BenchFailure.nothingSettles
    }

    private func addServices(to group: inout ThrowingTaskGroup<Part, any Error>, _ board: SettlementBoard, _ window: LoadWindow) {
        group.addTask {
            try await Task.sleep(until: window.begin, clock: .continuous)
            let (first, before) = (try await api.usage(), census())
            try await Task.sleep(until: window.end, clock: .continuous)
            let (last, after) = (try await api.usage(), census())
            return .usage(first, last, processes: after.microseconds(since: before))
        }
        group.addTask { [plan] in
            // Whoever still waits then is told that it is over.
            try? await Task.sleep(until: window.end + plan.drain, clock: .continuous)
            board.close()
            return .service
        }
        group.addTask { [plan, progress] in
            let total = Int((plan.warmup + plan.duration) / .seconds(1))
            for _ in 0..<total {
                guard (try? await Task.sleep(for: .seconds(1))) != nil else { break }
                progress.advance()
            }
            return .service
        }
    }

    /// The processes that the plan names, now.
    private func census() -> ProcessCensus {
        guard !plan.processes.isEmpty else { return ProcessCensus(entries: [:]) }
        return ProcessCensus.all().matching(plan.processes, asker: getpid())
    }

    private func addWorkers(
        to group: inout ThrowingTaskGroup<Part, any Error>, _ board: SettlementBoard, _ template: OrderTemplate, _ window: LoadWindow,
        _ begin: ContinuousClock.Instant
    ) {
        let schedule = Tickets()
        for number in 0..<plan.connections {
            let worker = LoadWorker(http: api.http, board: board, template: template, plan: plan, window: window, number: number, customers: customers)
            group.addTask { [plan] in
                switch plan.mode {
                case .closed: .worker(await worker.runClosed())
                case .open(let rate): .worker(await worker.runOpen(schedule, begin: begin, rate: rate))
                }
            }
        }
    }

    private func collect(from group: inout ThrowingTaskGroup<Part, any Error>, _ board: SettlementBoard, _ window: LoadWindow) async throws -> LoadSummary {
        var tally = LoadTally()
        var usage: (begin: ServerUsage, end: ServerUsage)?
        var processes: [String: Double] = [:]
        var working = plan.connections
        while working > 0 || usage == nil, let part = try await group.next() {
            switch part {
            case .worker(let other):
                tally.merge(other)
                working -= 1
            case .usage(let first, let last, let times): (usage, processes) = ((first, last), times)
            case .service: break
            }
        }
        // Open loop: the last orders are still on their way.
        while board.unsettled > 0, ContinuousClock.now < window.end + plan.drain { try await Task.sleep(for: .milliseconds(20)) }
        guard let usage else { throw BenchFailure.nothingSettles }
        var summary = LoadSummary(tally: tally, records: board.records, unsettled: board.unsettled, window: window, usage: usage)
        if !plan.processes.isEmpty { summary.count(processes) }
        return summary
    }
}

/// Why a run gave no figures.
enum BenchFailure: Error, CustomStringConvertible {
    case nothingSettles
    case noProcess([String])
    case shortTokens(Duration)

    var description: String {
        switch self {
        case .nothingSettles: "Orders are accepted, but no event that ends one arrived within 30 s. Look at the server's log and at its dead letters."
        case .shortTokens(let lifetime): "The customers' tokens hold for \(lifetime), which is less than the run takes: make it shorter."
        case .noProcess(let patterns):
            "No process of this machine has \(patterns.map { "\"\($0)\"" }.joined(separator: " or ")) in its arguments or its working directory "
                + "(--processes; it reads /proc, which only Linux has)."
        }
    }
}
