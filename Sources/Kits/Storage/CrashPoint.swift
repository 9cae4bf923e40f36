import Glibc
import Synchronization

/// A moment at which the process can be told to die, so that a test sees every such moment survived; see `docs/chaos.md`.
///
/// `CRASH_AT=orders.before-commit:3` in the environment ends the process by SIGKILL when that point is passed for the third time: nothing is flushed, nobody is
/// told. Without the variable a point costs one predictable branch.
public enum CrashPoint: String, Sendable, CaseIterable {
    /// The transaction has done its work; nothing of it is durable. The first ones of a database's life are its migrations.
    case beforeCommit = "before-commit"
    /// The transaction is durable; nobody knows yet, neither consumers nor callers.
    case afterCommit = "after-commit"
    /// Its events and jobs were handed on; its callers still wait.
    case afterHandOver = "after-hand-over"
    /// A migration's statements have run, its record is not written.
    case inMigration = "in-migration"
    /// A consumer has read where it stood, while the platform starts.
    case inPreparation = "in-preparation"
    /// A consumer is about to read a producer's outbox, as after a restart.
    case beforeCatchUp = "before-catch-up"
    /// A job is about to call the outside.
    case beforeCall = "before-call"
    /// The outside has answered, the outcome is not recorded.
    case afterCall = "after-call"
    /// The outcome of a job is durable, the job still counts as running.
    case afterRecord = "after-record"
    /// A relay has published events to the broker, which has them; they are in the outbox still.
    case afterPublish = "after-publish"
    /// The janitor is about to prune an outbox.
    case beforePrune = "before-prune"
    /// The janitor has pruned some of an outbox.
    case afterPrune = "after-prune"

    /// Passes the point; the process ends here if it was told so.
    /// - Parameter scope: whose point it is: the service or the database.
    @inline(__always)
    public func reached(in scope: String) {
        guard let plan = CrashPoint.plan else { return }
        plan.pass("\(scope).\(rawValue)")
    }

    /// Reads what `CRASH_AT` says: the name of a point, and which of its passings is the last.
    /// - Returns: nil for anything but `name:n` with n from 1.
    public static func parse(_ text: String) -> (name: String, passing: Int)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let passing = Int(parts[1]), passing > 0 else { return nil }
        return (String(parts[0]), passing)
    }

    private static let plan: CrashPlan? = getenv("CRASH_AT").flatMap { CrashPlan(String(cString: $0)) }
}

/// Counts the passings of one point and dies at the last.
final class CrashPlan: Sendable {
    let point: String
    private let remaining: Atomic<Int>

    /// A plan of this text; nil where ``CrashPoint/parse(_:)`` finds none.
    init?(_ text: String) {
        guard let (name, passing) = CrashPoint.parse(text) else { return nil }
        point = name
        remaining = Atomic(passing)
    }

    /// Whether a passing of this point is the one to die at.
    func isLast(_ name: String) -> Bool { name == point && remaining.wrappingSubtract(1, ordering: .relaxed).newValue == 0 }

    /// Dies if it is the one. The line on standard error is written first, past all buffers, so that whoever set the variable knows that it did its work.
    func pass(_ name: String) {
        guard isLast(name) else { return }
        var line = "crash point \(name) reached\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        kill(getpid(), SIGKILL)
        // The signal reaches this thread before it returns to the program, or another thread first: nothing more may happen here.
        while true { pause() }
    }
}
