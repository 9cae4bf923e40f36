import Messaging
import Synchronization

/// What a subscription asks of the thread that reads for it.
final class MemberCommands: Sendable {
    /// What is to be done next.
    struct Batch {
        /// Tags by session.
        var acknowledged: [Int64: [UInt64]] = [:]
        var rejoins: [CheckedContinuation<Void, Never>] = []
        var isLeaving = false
    }
    private struct State {
        var next = Batch()
        var hasEnded = false
        var farewells: [CheckedContinuation<Void, Never>] = []
    }

    let wake: WakeEvent
    let lifeline = Lifeline()
    /// Deliveries that the broker waits for an acknowledgement of; a gauge.
    let outstanding = Atomic<Int>(0)
    private let state = Mutex(State())

    /// Whether the thread has ended.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    init() throws { wake = try WakeEvent() }

    func acknowledge(_ deliveries: [BrokerDelivery]) {
        if deliveries.isEmpty { return }
        state.withLock { state in
            if state.hasEnded { return }
            // Neighbours are mostly of one session: one look into the dictionary for all of them.
            for run in deliveries.chunked(by: \.session) {
                state.next.acknowledged[run.session, default: []].append(contentsOf: run.elements.map { BundlePosition.tag($0.position) })
            }
        }
        wake.signal()
    }

    /// Returns when the member has joined anew, or has ended.
    func rejoin() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.next.rejoins.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() } else { wake.signal() }
        }
    }

    /// Lets the thread end.
    func leave() {
        state.withLock { $0.next.isLeaving = true }
        wake.signal()
    }

    /// Returns when the thread has ended.
    func hasLeft() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.farewells.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// What has been asked for since the last time.
    func take() -> Batch {
        state.withLock { state in
            defer { state.next = Batch(isLeaving: state.next.isLeaving) }
            return state.next
        }
    }

    /// Notes that the thread has ended: nobody waits for it any more.
    func end() {
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { (state.next, state.farewells) = (Batch(isLeaving: true), []) }
            return state.next.rejoins + state.farewells
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension Array {
    /// Neighbours that have something in common, together.
    fileprivate func chunked(by property: KeyPath<Element, Int64>) -> [(session: Int64, elements: ArraySlice<Element>)] {
        var chunks: [(session: Int64, elements: ArraySlice<Element>)] = []
        var start = startIndex
        while start < endIndex {
            let value = self[start][keyPath: property]
            let end = self[start...].firstIndex { $0[keyPath: property] != value } ?? endIndex
            chunks.append((value, self[start..<end]))
            start = end
        }
        return chunks
    }
}
