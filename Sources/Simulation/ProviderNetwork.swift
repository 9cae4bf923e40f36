import Contracts
import Messaging
import PaymentSimulator
import Wire

/// The way to the payment provider and back. The provider lives on when the process dies; what is on its way to it arrives all the same.
struct ProviderNetwork: PaymentProvider, @unchecked Sendable {
    let world: World
    /// The process that calls.
    let process: Int
    let provider: SimulatedPaymentProvider

    func createIntent(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        try await call("create intent", orderID, timeout) {
            try await provider.createIntent(key: key, orderID: orderID, amount: amount, method: method, timeout: timeout)
        }
    }

    func charge(key: Identifier, orderID: OrderID, amount: Money, method: String, timeout: Duration) async throws -> PaymentIntent {
        let sent = world.plan.mutant == .freshKeyPerRetry ? world.newID() : key
        do {
            let intent = try await call("charge", orderID, timeout) {
                try await provider.charge(key: sent, orderID: orderID, amount: amount, method: method, timeout: timeout)
            }
            if world.unknownCharges.contains(key) {
                if intent.status == .captured { world.mark(.unknownCaptured) }
                if intent.status == .declined { world.mark(.unknownDeclined) }
            }
            if intent.status == .cancelled { world.mark(.lateCaptureRefused) }
            return intent
        } catch {
            world.unknownCharges.insert(key)
            throw error
        }
    }

    func cancel(_ intentID: Identifier, timeout: Duration) async throws -> PaymentIntent {
        let intent = try await call("cancel intent", nil, timeout) { try await provider.cancel(intentID, timeout: timeout) }
        if intent.status == .cancelled { world.mark(.voided) }
        return intent
    }

    func refund(_ intentID: Identifier, key: Identifier, amount: Money, timeout: Duration) async throws -> PaymentIntent {
        try await call("refund", nil, timeout) { try await provider.refund(intentID, key: key, amount: amount, timeout: timeout) }
    }

    /// One request and its reply; the caller gives up after the timeout, whatever still happens at the other end.
    private func call(
        _ name: String, _ order: OrderID?, _ timeout: Duration, _ body: @escaping @Sendable () async throws -> PaymentIntent
    ) async throws -> PaymentIntent {
        let fate = world.providerFate()
        let number = world.nextCall()
        let what = "provider call \(number) (\(name)\(order.map { " for \(world.name(of: $0))" } ?? ""))"
        world.note("\(what) begins: \(fate)")
        let slot = ReplySlot()
        if fate.reachesProvider {
            let outside = SimulatedClock(time: world.time, owner: 0)
            world.executor.start { [world] in
                try? await outside.sleep(for: .milliseconds(fate.requestMilliseconds))
                let result: Result<PaymentIntent, any Error>
                do { result = .success(try await body()) } catch { result = .failure(error) }
                world.note("\(what) done: \((try? result.get())?.status.rawValue ?? "refused")")
                guard fate.isAnswered else { return }
                try? await outside.sleep(for: .milliseconds(fate.replyMilliseconds))
                slot.fill(result)
            }
        }
        let inside = SimulatedClock(time: world.time, owner: process)
        world.executor.start { [world] in
            do {
                try await inside.sleep(for: timeout)
                if slot.fill(.failure(ProviderTimeout())) { world.note("\(what) timed out") }
            } catch { slot.fill(.failure(error)) }
        }
        return try await slot.value()
    }
}

/// What becomes of a call.
struct ProviderFate: CustomStringConvertible {
    var reachesProvider = true
    var isAnswered = true
    var requestMilliseconds = 5
    var replyMilliseconds = 5

    var description: String {
        if !reachesProvider { return "the request is lost" }
        return "request \(requestMilliseconds) ms, \(isAnswered ? "reply \(replyMilliseconds) ms" : "reply lost")"
    }
}

/// Where a caller waits for the first answer. Confined to the thread of its simulation.
private final class ReplySlot: @unchecked Sendable {
    private var result: Result<PaymentIntent, any Error>?
    private var waiter: CheckedContinuation<PaymentIntent, any Error>?

    /// Whether this was the first answer.
    @discardableResult
    func fill(_ result: Result<PaymentIntent, any Error>) -> Bool {
        guard self.result == nil else { return false }
        self.result = result
        waiter?.resume(with: result)
        return true
    }

    func value() async throws -> PaymentIntent {
        if let result { return try result.get() }
        return try await withCheckedThrowingContinuation { waiter = $0 }
    }
}
