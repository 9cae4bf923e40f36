import WaybillClient
import Wire

/// One connection of a run.
struct LoadWorker: Sendable {
    let http: HTTPClient
    let board: SettlementBoard
    let template: OrderTemplate
    let plan: LoadPlan
    let window: LoadWindow
    let number: Int
    /// Nil: the client's own token goes with all orders. Has as many as the template draws from.
    var customers: BenchCustomers?

    private static let path = WaybillAPI.root + "/orders"
    private static let headers = [("content-type", "application/json")]

    /// Places an order, follows it to its end, places the next, until the window ends.
    func runClosed() async -> LoadTally {
        var tally = LoadTally()
        var random = SplitMix64(seed: plan.seed &+ UInt64(number) &* 0x9E37_79B9)
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            guard begin < window.end else { break }
            if let id = await place(since: begin, &tally, &random) {
                _ = await board.settlement(of: id, since: begin)
            } else {
                // A server that refuses at once is not to be asked in a tight loop.
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        return tally
    }

    /// Takes the next slot, waits for its time, places an order. Latencies count from the slot's time, so that a stall of the platform is not hidden by the
    /// orders that it kept from being placed ("coordinated omission").
    func runOpen(_ schedule: Tickets, begin: ContinuousClock.Instant, rate: Double) async -> LoadTally {
        var tally = LoadTally()
        var random = SplitMix64(seed: plan.seed &+ UInt64(number) &* 0x9E37_79B9)
        while !Task.isCancelled {
            let due = begin + .seconds(Double(schedule.next()) / rate)
            guard due < window.end else { break }
            if due > .now { try? await Task.sleep(until: due, clock: .continuous) }
            // Far behind after the end of the run: the rest is not placed any more, but counted.
            guard ContinuousClock.now < window.end + plan.drain else {
                tally.errors["not placed: the platform was too slow", default: 0] += 1
                continue
            }
            if let id = await place(since: due, &tally, &random) { board.register(id, since: due) }
        }
        return tally
    }

    private func place(since: ContinuousClock.Instant, _ tally: inout LoadTally, _ random: inout SplitMix64) async -> Identifier? {
        let (customer, body) = template.order(using: &random)
        var headers = customers?.headers[customer] ?? LoadWorker.headers
        if plan.isKeyed { headers.append(("idempotency-key", "bench-\(random.next())")) }
        do {
            let sent = ContinuousClock.now
            if window.contains(since) { tally.lateness.append(sent - since) }
            let response = try await http.send(ClientRequest(method: "POST", path: LoadWorker.path, headers: headers, body: body))
            let now = ContinuousClock.now
            if response.status == 503 || response.status == 429, response.header("retry-after") != nil {
                tally.reject(sent: sent, at: now, in: window)
                return nil
            }
            guard response.status == 202, let id = JSONScan.identifier("id", in: response.body) else {
                tally.errors["status \(response.status)", default: 0] += 1
                return nil
            }
            tally.accept(since: since, at: now, in: window)
            return id
        } catch {
            tally.errors["\(error)", default: 0] += 1
            return nil
        }
    }
}
