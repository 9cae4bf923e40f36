import Logging
import Messaging
import Metrics
import ServiceLifecycle
import Storage
import Synchronization
import Web
import Wire

/// Sends messages that are due, and writes down what comes of them. At least once: when the process ends between the two, the message is sent again.
///
/// Where several processes of Operations run, the one in charge does it.
public final class WebhookDispatcher: Service, CustomStringConvertible {
    /// A message on its way.
    struct Work: Sendable {
        let delivery: WebhookDelivery
        let webhook: Webhook
        let body: [UInt8]
    }

    private struct State {
        /// Messages under way, and where they go.
        var running: [Identifier: Identifier] = [:]
        /// Where the round of the endpoints begins, so that none of them always comes last.
        var round = 0
        var hasWebhooks = true
        var pending: [WebhookCleaning.Pending] = []
        var cleanedAt: Timestamp?
        func count(to webhook: Identifier) -> Int { running.values.count { $0 == webhook } }
    }

    private static let cleaningMilliseconds: Int64 = 60_000
    private static let chunk = 1000
    private static let pauseAfterLoss: Duration = .seconds(30)

    public let description = "webhooks"
    private let configuration: WebhookConfiguration
    private let client: any OutgoingClient
    private let database: any Database
    private let context: ServiceContext
    private let logger: Logger
    private let role: ProcessRole
    private let state = Mutex(State())
    /// Given when there may be something to send.
    private let signal: TaskSignal

    init(_ configuration: WebhookConfiguration, client: any OutgoingClient, environment: ServiceEnvironment, signal: TaskSignal) {
        (self.configuration, self.client, self.signal) = (configuration, client, signal)
        (database, context, logger, role) = (environment.database, environment.context, environment.logger, environment.role)
    }

    /// Messages under way; a gauge.
    public var running: Int { state.withLock { $0.running.count } }
    /// Messages that wait to be sent, as of the last look; a gauge.
    public var pending: Int64 { state.withLock { $0.pending.reduce(0) { $0 + $1.count } } }
    /// When the oldest of them was written.
    public var oldestPending: Timestamp? { state.withLock { $0.pending.map(\.oldest).min() } }

    public func run() async throws {
        // What is under way when the process stops is given up and sent again later: an endpoint that does not answer must not hold the process.
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.tick() }
                while !Task.isCancelled {
                    let mark = self.signal.mark
                    do {
                        let works = try await self.take()
                        for work in works { group.addTask { await self.execute(work) } }
                        if !works.isEmpty { continue }
                    } catch StorageError.closed { return group.cancelAll() } catch {
                        self.logger.error("cannot read what is to be sent to webhooks", metadata: ["error": "\(error)"])
                    }
                    await self.signal.wait(after: mark)
                }
                group.cancelAll()
            }
        }
    }

    /// Has the table looked at from time to time: for retries that are due, and for what another process has written.
    private func tick() async {
        while !Task.isCancelled {
            try? await context.clock.sleep(for: state.withLock { $0.hasWebhooks } ? .milliseconds(500) : .seconds(5))
            do { try await clean() } catch StorageError.closed { return } catch {
                logger.error("cannot prune the messages of webhooks", metadata: ["error": "\(error)"])
            }
            signal.give()
        }
    }

    // MARK: - Steps

    /// Takes messages that may be sent now, as many as there is room for. Whoever takes one must ``execute(_:)`` it.
    func take() async throws -> [Work] {
        guard role.isInCharge() else { return [] }
        let now = context.now
        let (running, round) = state.withLock { state in
            state.round &+= 1
            return (state.running, state.round)
        }
        let room = configuration.maximumRunning - running.count
        guard room > 0 else { return [] }
        let (count, found) = try await database.read { [configuration] transaction -> (Int, [Work]) in
            let webhooks = try WebhookTable.all(in: transaction).filter { $0.state != .deleted }
            let due = try WebhookDispatcher.due(webhooks, running, configuration, at: now, in: transaction)
            var found: [Work] = []
            for index in webhooks.indices {
                let webhook = webhooks[(index + round % webhooks.count) % webhooks.count]
                let limit = WebhookDispatcher.limit(webhook, running, found.count, configuration, now: now)
                for delivery in (due[webhook.id] ?? []).prefix(max(0, limit)) {
                    found.append(Work(delivery: delivery, webhook: webhook, body: try WebhookDispatcher.body(of: delivery, in: transaction)))
                }
            }
            return (webhooks.count, found)
        }
        return state.withLock { state in
            state.hasWebhooks = count > 0
            return found.filter { state.running.updateValue($0.webhook.id, forKey: $0.delivery.id) == nil }
        }
    }

    /// What may go to each endpoint, as far as there could be room for it, without what is under way.
    private static func due(
        _ webhooks: [Webhook], _ running: [Identifier: Identifier], _ configuration: WebhookConfiguration, at now: Timestamp,
        in transaction: any ReadTransaction
    ) throws -> [Identifier: [WebhookDelivery]] {
        let questions = webhooks.compactMap { webhook -> WebhookDeliveryTable.Question? in
            let limit = limit(webhook, running, 0, configuration, now: now)
            guard limit > 0 else { return nil }
            let mine = running.values.count { $0 == webhook.id }
            return .init(webhook: webhook.id, onlyTests: webhook.state != .active, limit: limit + mine)
        }
        let rows = try WebhookDeliveryTable.due(questions, at: now, in: transaction).filter { running[$0.id] == nil }
        return Dictionary(grouping: rows, by: \.webhook)
    }

    /// How many more may go to an endpoint: one at a time to one that fails, and when there is little room left for the others.
    private static func limit(
        _ webhook: Webhook, _ running: [Identifier: Identifier], _ found: Int, _ configuration: WebhookConfiguration, now: Timestamp
    ) -> Int {
        if let held = webhook.heldUntil, held > now { return 0 }
        let isTight = (running.count + found) * 2 >= configuration.maximumRunning
        let most = webhook.failingSince != nil || isTight ? 1 : configuration.maximumPerEndpoint
        return min(most - running.values.count { $0 == webhook.id }, configuration.maximumRunning - running.count - found)
    }

    private static func body(of delivery: WebhookDelivery, in transaction: any ReadTransaction) throws -> [UInt8] {
        if let body = delivery.body { return body }
        // Nothing leaves the archive. Were an event missing or broken, that must not hold the others up.
        let body = try delivery.eventID.flatMap { try EventArchive.body(of: $0, key: delivery.key, in: transaction) }
        let time = body.flatMap { try? EnvelopeHead(body: $0).time }
        return WebhookMessage.body(type: delivery.type, at: time ?? delivery.createdAt, data: body ?? Array("null".utf8))
    }

    /// Sends one message and writes down what came of it.
    func execute(_ work: Work) async {
        defer { state.withLock { _ = $0.running.removeValue(forKey: work.delivery.id) } }
        let (at, begun) = (context.now, ContinuousClock.now)
        let request = WebhookMessage.request(work.delivery.id, body: work.body, to: work.webhook, at: at, timeout: configuration.timeout)
        let result: Result<OutgoingAnswer, OutgoingFailure>
        do throws(OutgoingFailure) { result = .success(try await client.send(request)) } catch { result = .failure(error) }
        // Nothing was tried.
        if result.isFailure(.cancelled) || result.isFailure(.overloaded) { return }
        if case .failure(.refusedAddress(let words)) = result {
            logger.warning("a webhook leads where it must not", metadata: ["webhook": "\(work.webhook.id)", "address": "\(words)"])
        }
        let milliseconds = Int64((ContinuousClock.now - begun) / .milliseconds(1))
        await record(work, result, at: at, milliseconds: milliseconds)
        signal.give()
    }

    private func record(_ work: Work, _ result: Result<OutgoingAnswer, OutgoingFailure>, at: Timestamp, milliseconds: Int64) async {
        let attempt = WebhookAttempt(work.delivery, result, at: at, milliseconds: milliseconds)
        let outcome = WebhookRetry.Outcome(result, now: context.now)
        let (random, desk, delivery) = (context.random(), RecordDelivery(context: context), work.delivery)
        do {
            let written = try await database.write { try desk.write(attempt, of: delivery, outcome: outcome, random: random, in: $0) }
            tell(written, work, attempt)
        } catch {
            logger.error("what came of a message to a webhook is not on record; it is sent again", metadata: ["error": "\(error)"])
            // A database that cannot be written must not have the same message sent over and over.
            try? await context.clock.sleep(for: WebhookDispatcher.pauseAfterLoss)
        }
    }

    private func tell(_ result: RecordDelivery.Result, _ work: Work, _ attempt: WebhookAttempt) {
        Counter(label: "waybill_webhook_attempts", dimensions: [("outcome", result.word)]).increment()
        guard case .disabled(let reason) = result else {
            if result == .givenUp, work.delivery.type != Webhook.test {
                logger.warning(
                    "a message to a webhook is given up",
                    metadata: ["webhook": "\(work.webhook.id)", "delivery": "\(work.delivery.id)", "attempts": "\(attempt.number)"])
            }
            return
        }
        logger.error("a webhook is disabled", metadata: ["webhook": "\(work.webhook.id)", "reason": "\(reason)"])
    }

    // MARK: - Cleaning

    /// Counts what waits, and removes what is old, once a minute.
    func clean() async throws {
        let now = context.now
        let isDue = state.withLock { state in
            guard role.isInCharge(), state.cleanedAt.map({ now.milliseconds - $0.milliseconds >= WebhookDispatcher.cleaningMilliseconds }) ?? true else {
                return false
            }
            state.cleanedAt = now
            return true
        }
        guard isDue else { return }
        let (webhooks, pending) = try await database.read { (try WebhookTable.all(in: $0), try WebhookCleaning.pending(in: $0)) }
        state.withLock { $0.pending = pending }
        for webhook in webhooks { try await clean(webhook, pending.first { $0.webhook == webhook.id }, at: now) }
        let end = now.advanced(byMilliseconds: -WebhookCleaning.ageMilliseconds)
        while try await database.write({ try WebhookCleaning.prune(finishedBefore: end, limit: WebhookDispatcher.chunk, in: $0) }) == WebhookDispatcher.chunk {}
    }

    private func clean(_ webhook: Webhook, _ pending: WebhookCleaning.Pending?, at now: Timestamp) async throws {
        let id = webhook.id
        switch webhook.state {
        case .deleted:
            while try await database.write({ try WebhookCleaning.remove(of: id, limit: WebhookDispatcher.chunk, in: $0) }) == WebhookDispatcher.chunk {}
            try await database.write { try WebhookTable.remove(id, in: $0) }
        case .paused:
            let end = now.advanced(byMilliseconds: -WebhookCleaning.pauseMilliseconds)
            guard let pending, pending.oldest < end else { return }
            _ = try await database.write { transaction in
                _ = try WebhookTable.lock(id, in: transaction)
                return try WebhookCleaning.giveUp(id, createdBefore: end, because: "the webhook was paused for 7 days", at: now, in: transaction)
            }
        case .active:
            guard let pending, pending.count > WebhookCleaning.maximumPending else { return }
            let desk = RecordDelivery(context: context)
            try await database.write { transaction in
                guard var webhook = try WebhookTable.lock(id, in: transaction), webhook.state == .active else { return }
                try desk.disable(&webhook, because: "more than \(WebhookCleaning.maximumPending) messages wait", in: transaction)
            }
            logger.error("a webhook is disabled", metadata: ["webhook": "\(id)", "waiting": "\(pending.count)"])
        case .disabled: return
        }
    }
}

extension Result where Success == OutgoingAnswer, Failure == OutgoingFailure {
    fileprivate func isFailure(_ failure: OutgoingFailure) -> Bool { if case .failure(failure) = self { true } else { false } }
}

extension RecordDelivery.Result {
    fileprivate var word: String {
        switch self {
        case .delivered: "delivered"
        case .failed: "failed"
        case .givenUp: "given_up"
        case .obsolete: "obsolete"
        case .disabled: "disabled"
        }
    }
}

extension WebhookAttempt {
    fileprivate init(_ delivery: WebhookDelivery, _ result: Result<OutgoingAnswer, OutgoingFailure>, at: Timestamp, milliseconds: Int64) {
        (number, self.at, self.milliseconds) = (delivery.attempts + 1, at, milliseconds)
        switch result {
        case .success(let answer): (status, error, self.answer) = (Int64(answer.status), nil, WebhookAttempt.text(answer.body))
        case .failure(let failure): (status, error, answer) = (nil, WebhookAttempt.words(failure), nil)
        }
    }
}

extension WebhookAttempt {
    /// A failure as the endpoint's owner sees it. Which address a name leads to inside of the platform's network is none of his business.
    private static func words(_ failure: OutgoingFailure) -> String {
        if case .refusedAddress = failure { return "the host's name leads to an address that is refused" }
        return "\(failure)"
    }
}

extension WebhookRetry.Outcome {
    fileprivate init(_ result: Result<OutgoingAnswer, OutgoingFailure>, now: Timestamp) {
        switch result {
        case .success(let answer):
            let retryAfter = answer.header("Retry-After").flatMap { WebhookRetry.retryAfter($0, now: now) }
            self = .answered(status: Int64(answer.status), retryAfterMilliseconds: retryAfter)
        case .failure: self = .unanswered
        }
    }
}
