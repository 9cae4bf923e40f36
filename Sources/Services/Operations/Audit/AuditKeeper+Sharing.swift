import Messaging
import Storage
import Wire

/// One process of Operations audits: two would do the work twice, and each would know of what it came upon itself. What it finds is written down.
extension AuditKeeper {
    /// How often the progress is written down, where others want to know.
    private static let progressMilliseconds: Int64 = 10_000

    /// What stands, oldest first, and how far the audit is, whichever process does it.
    public func standing() async throws -> (open: [Open], progress: Progress) {
        if isAuditing { return (open, progress) }
        return try await database.read { transaction in
            (try AuditTable.load(limit: AuditKeeper.maximumOpen, in: transaction), try AuditTable.loadProgress(in: transaction))
        }
    }

    /// Whether this process audits now. Who begins takes up what is known, and who ends forgets it.
    func takesCharge() async throws -> Bool {
        guard role.isInCharge() else {
            if isAuditing { forget() }
            return false
        }
        if !isAuditing {
            let known = try await database.read { transaction in
                (try AuditTable.load(limit: AuditKeeper.maximumOpen, in: transaction), try AuditTable.loadProgress(in: transaction))
            }
            begin(from: known.0, known.1)
        }
        return true
    }

    /// Writes down what has changed since the last time.
    func share() async throws {
        let now = context.now
        let isDue = !role.isAlone && (sharedAt.withLock { $0 }.map { now.milliseconds - $0.milliseconds >= AuditKeeper.progressMilliseconds } ?? true)
        let (open, gone, progress) = changes()
        guard isDue || !open.isEmpty || !gone.isEmpty else { return }
        try await database.write { transaction in
            try AuditTable.save(open, in: transaction)
            try AuditTable.remove(gone, in: transaction)
            try AuditTable.save(progress, in: transaction)
        }
        shared()
        sharedAt.withLock { $0 = now }
    }
}
