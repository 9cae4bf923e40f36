import Synchronization

/// How far a long task is, on stderr: a bar that redraws itself on a terminal, a plain line every ten seconds elsewhere.
///
/// May be advanced from many tasks; it draws at most ten times a second, so advancing costs little.
final class ProgressBar: Sendable {
    /// How progress is shown.
    enum Mode: Sendable {
        /// Redrawn in place with a carriage return; the width in columns.
        case bar(width: Int)
        /// A line every ten seconds, for logs.
        case lines
        /// Nothing, for `--json`.
        case silent

        /// What suits stderr now.
        static func suited(isSilent: Bool = false) -> Mode {
            if isSilent { return .silent }
            return TerminalStream.error.isTerminal ? .bar(width: TerminalStream.error.width ?? 80) : .lines
        }
    }

    private struct State {
        var done = 0
        var total: Int?
        var lastDrawn: ContinuousClock.Instant
        var lastWidth = 0
        var isFinished = false
    }

    private let label: String
    private let unit: String
    private let mode: Mode
    private let begin: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let write: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - label: what is being done, such as "placing".
    ///   - unit: what is counted, such as "orders".
    ///   - total: how many there are; nil if that is not known, then there is neither bar nor remaining time.
    ///   - now: the clock.
    ///   - write: where the text goes.
    init(
        _ label: String, unit: String, total: Int?, mode: Mode = .suited(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, write: @escaping @Sendable (String) -> Void = { TerminalStream.error.write($0) }
    ) {
        self.label = label
        self.unit = unit
        self.mode = mode
        self.now = now
        self.write = write
        self.begin = now()
        self.state = Mutex(State(total: total, lastDrawn: begin))
    }

    /// How many are done.
    var done: Int { state.withLock { $0.done } }

    /// Counts `count` more as done.
    func advance(by count: Int = 1) { update { $0.done += count } }

    /// Sets the total, when it becomes known or changes.
    func setTotal(_ total: Int?) { update { $0.total = total } }

    /// Draws the last state and ends the line. Later calls do nothing.
    func finish() {
        let text = state.withLock { state -> String? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            return draw(&state, at: now(), isLast: true)
        }
        if let text { write(text) }
    }

    private func update(_ change: (inout State) -> Void) {
        // Written under the lock: two tasks must not draw in the wrong order. It happens ten times a second at most.
        state.withLock { state in
            change(&state)
            if case .silent = mode { return }
            let time = now()
            guard !state.isFinished, time - state.lastDrawn >= interval else { return }
            if let text = draw(&state, at: time, isLast: false) { write(text) }
        }
    }

    private var interval: Duration {
        if case .bar = mode { .milliseconds(100) } else { .seconds(10) }
    }

    private func draw(_ state: inout State, at time: ContinuousClock.Instant, isLast: Bool) -> String? {
        state.lastDrawn = time
        let line = ProgressLine(label: label, unit: unit, done: state.done, total: state.total, elapsed: time - begin, isLast: isLast)
        switch mode {
        case .silent: return nil
        case .lines: return line.text(width: nil) + "\n"
        case .bar(let width):
            let text = line.text(width: width)
            // Blanks wipe out the end of a longer line before.
            let blanks = String(repeating: " ", count: max(0, state.lastWidth - text.count))
            state.lastWidth = text.count
            return "\r" + text + blanks + (isLast ? "\n" : "")
        }
    }
}
