import NIOCore
import Web

/// What a connection is being waited for, and since when. Most requests come in one piece, and cost nothing here.
struct EntryClock {
    private enum Wait: Equatable {
        case none
        /// A request's head, of which something has come or nothing yet.
        case head(by: NIODeadline, hasBegun: Bool)
        case body(since: NIODeadline, bytes: Int)
    }

    enum Verdict: Equatable { case silent, slow }

    private var wait = Wait.none
    /// When to look again.
    private(set) var deadline: NIODeadline?

    mutating func rest() { (wait, deadline) = (.none, nil) }

    /// A connection has been opened.
    mutating func expectAnything(by limit: NIODeadline) { (wait, deadline) = (.head(by: limit, hasBegun: false), limit) }

    /// A head is not there as a whole. The time runs from when that was first so, or from the connection's beginning.
    mutating func expectHead(by limit: NIODeadline) {
        var limit = limit
        if case .head(let earlier, _) = wait { limit = earlier }
        (wait, deadline) = (.head(by: limit, hasBegun: true), limit)
    }

    /// A body is not there as a whole.
    mutating func expectBody(_ limits: EntryLimits) {
        if case .body = wait { return }
        let now = NIODeadline.now()
        wait = .body(since: now, bytes: 0)
        deadline = now + TimeAmount(min(limits.bodyGrace, limits.body))
    }

    mutating func received(_ bytes: Int) {
        if case .body(let since, let earlier) = wait { wait = .body(since: since, bytes: earlier + bytes) }
    }

    /// What is wrong at a moment; nil for nothing, then ``deadline`` says when to look again.
    mutating func verdict(at now: NIODeadline, _ limits: EntryLimits) -> Verdict? {
        guard let deadline, now >= deadline else { return nil }
        switch wait {
        case .none:
            self.deadline = nil
            return nil
        case .head(_, let hasBegun): return hasBegun ? .slow : .silent
        case .body(let since, let bytes):
            let elapsed = now - since
            let floor = max(0, elapsed.nanoseconds - TimeAmount(limits.bodyGrace).nanoseconds) / 1_000_000 * Int64(limits.bytesPerSecond) / 1000
            if elapsed >= TimeAmount(limits.body) || Int64(bytes) < max(floor, 1) { return .slow }
            self.deadline = min(now + .seconds(1), since + TimeAmount(limits.body))
            return nil
        }
    }
}

/// How what the network does not take at once gets away.
struct WriteWatch {
    private var since: NIODeadline
    private var before: Int

    /// - Parameter drained: how many bytes the network has taken so far.
    init(drained: Int, now: NIODeadline) { (since, before) = (now, drained) }

    /// Whether the other side has stopped reading, or reads so little that it means to take for ever.
    mutating func isStuck(drained: Int, now: NIODeadline, _ limits: EntryLimits) -> Bool {
        let elapsed = now - since
        guard elapsed >= TimeAmount(limits.stall) else { return false }
        if Int64(drained - before) < elapsed.nanoseconds / 1_000_000 * Int64(limits.bytesPerSecond) / 1000 { return true }
        (since, before) = (now, drained)
        return false
    }
}
