import Contracts
import Logging
import Messaging
import Synchronization
import Wire

/// What has been found.
extension AuditKeeper {
    /// Replaces all findings of some rules.
    func replace(_ rules: (AuditRule) -> Bool, with findings: [AuditFinding]) {
        let keys = Set(findings.map { Key(rule: $0.rule, subject: $0.subject) })
        close { key in AuditRules.rule(key.rule).map(rules) ?? false && !keys.contains(key) }
        for finding in findings { add(finding) }
    }

    func add(_ finding: AuditFinding) {
        let now = context.now
        let key = Key(rule: finding.rule, subject: finding.subject)
        let isNew = state.withLock { state in
            guard state.found.count < AuditKeeper.maximumOpen || state.found[key] != nil else { return false }
            let known = state.found[key]
            if known?.finding != finding { state.unwritten.insert(key) }
            state.found[key] = Open(finding: finding, since: known?.since ?? now, isRepairable: finding.action != nil)
            return known == nil
        }
        guard isNew else { return }
        logger.error(
            "the audit found something",
            metadata: ["rule": "\(finding.rule)", "subject": "\(finding.subject)", "evidence": "\(finding.evidence)", "proposal": "\(finding.proposal)"])
    }

    func close(_ isGone: (Key) -> Bool) {
        let gone = state.withLock { state in
            let gone = state.found.keys.filter(isGone)
            for key in gone { state.found[key] = nil }
            state.unwritten.formUnion(gone)
            return gone
        }
        for key in gone { logger.notice("what the audit found is gone", metadata: ["rule": "\(key.rule)", "subject": "\(key.subject)"]) }
    }
}

/// What ``takesCharge()`` and ``share()`` know of the state.
extension AuditKeeper {
    var isAuditing: Bool { state.withLock { $0.isAuditing } }

    /// Takes up what an earlier process, or run, had found.
    func begin(from known: [Open], _ progress: Progress) {
        let found = Dictionary(known.map { (Key(rule: $0.finding.rule, subject: $0.finding.subject), $0) }, uniquingKeysWith: { first, _ in first })
        state.withLock { $0 = State(isAuditing: true, found: found, progress: progress) }
        plan.withLock { $0 = AuditPlan() }
    }

    /// Another process audits from now on.
    func forget() { state.withLock { $0 = State() } }

    /// What is to be written down, and what to be removed.
    func changes() -> (open: [Open], gone: [Key], progress: Progress) {
        state.withLock { state in
            let keys = state.unwritten.sorted { ($0.rule, "\($0.subject)") < ($1.rule, "\($1.subject)") }
            return (keys.compactMap { state.found[$0] }, keys.filter { state.found[$0] == nil }, state.progress)
        }
    }

    /// All changes are written down.
    func shared() { state.withLock { $0.unwritten = [] } }
}
