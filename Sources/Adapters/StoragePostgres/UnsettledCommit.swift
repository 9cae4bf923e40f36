import Dispatch
import Storage

/// A commit that the server was asked for and did not answer: the connection was lost in between.
struct UnsettledCommit {
    /// The transaction's number.
    let number: UInt64
    /// The server's process that was asked.
    let backend: Int32
    /// Those who still wait for it.
    var batch: [WorkQueue.Entry]
    /// What is to be done if it is durable.
    let actions: [@Sendable () -> Void]

    /// What a server says of a transaction.
    enum Outcome {
        case durable, undone, underWay
        /// It is so long ago that the server does not remember.
        case forgotten
    }
}

/// A lost answer is found out about, not guessed: done twice or not at all would both be wrong.
extension PostgresWriter {
    private static let uncertain = StorageError.uncertain("the connection to the server was lost while it committed")

    /// Finds out what became of the unsettled commit and does what follows from it: tells the callers, or runs the closures again. Gives up waiting when nobody in the batch
    /// has patience left; the next batch takes it up then.
    func settle() {
        while var commit = unsettled {
            do {
                let connection = try open()
                switch try outcome(of: commit, on: connection) {
                case .durable: return succeed(commit)
                case .undone:
                    unsettled = nil
                    return run(commit.batch)
                case .underWay: pause(milliseconds: 20)
                case .forgotten: return giveUp(commit)
                }
            } catch PostgresFailure.refused(.broken(let text)) {
                unsettled = nil
                for entry in commit.batch { entry.work.fail(PostgresWriter.uncertain) }
                return stop(.broken(text))
            } catch {
                link.drop()
                wake.wait(until: max(link.nextAttempt, DispatchTime.now().uptimeNanoseconds + 20_000_000))
            }
            expire(&commit.batch, PostgresWriter.uncertain)
            unsettled = commit
            if commit.batch.isEmpty { return }
        }
    }

    private func outcome(of commit: UnsettledCommit, on connection: PostgresConnection) throws -> UnsettledCommit.Outcome {
        let number = commit.number
        // The server's process may not have noticed yet that nobody listens; it commits or it ends.
        try connection.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = \(commit.backend) AND backend_xid = '\(number)'::xid8::xid")
        do {
            let codes = "CASE pg_xact_status('\(number)') WHEN 'committed' THEN 1 WHEN 'aborted' THEN 2 WHEN 'in progress' THEN 3 END"
            switch try connection.query("SELECT \(codes)") {
            case 1: return .durable
            case 2: return .undone
            case 3: return .underWay
            default: return .forgotten
            }
        } catch PostgresFailure.refused(.failed(let text)) where text.contains("22023") {
            // The server that took over has never seen it: it was not copied before the other one was lost.
            connection.forgetFailure()
            return .undone
        }
    }

    private func succeed(_ commit: UnsettledCommit) {
        unsettled = nil
        for action in commit.actions { action() }
        for entry in commit.batch { entry.work.succeed() }
    }

    /// Neither repeated nor reported as done. Where events are handed over in memory, nobody would ever hear of those that it may have committed: then the process must
    /// start anew and read them.
    private func giveUp(_ commit: UnsettledCommit) {
        unsettled = nil
        for entry in commit.batch { entry.work.fail(PostgresWriter.uncertain) }
        if configuration.isExclusive { stop(.broken("what became of a commit cannot be found out")) }
    }
}
