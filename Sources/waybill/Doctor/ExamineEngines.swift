import Platform
import Storage

/// Looks at all engines and other processes that a configuration names, all at once.
struct ExamineEngines: Sendable {
    /// Where nothing is behind a configuration, nothing is to be examined.
    let examinations: [EngineExaminations.Examination]

    func callAsFunction() async -> [Finding] {
        await withTaskGroup(of: (Int, [EngineFinding]).self) { group in
            for (index, examination) in examinations.enumerated() { group.addTask { (index, await examination()) } }
            var found: [Int: [EngineFinding]] = [:]
            for await (index, findings) in group { found[index] = findings }
            return examinations.indices.flatMap { found[$0] ?? [] }.map(ExamineEngines.finding)
        }
    }

    private static func finding(_ finding: EngineFinding) -> Finding {
        switch finding.verdict {
        case .ok: .ok(finding.name, finding.words)
        case .warn: .warn(finding.name, finding.words, finding.advice)
        case .fail: .fail(finding.name, finding.words, finding.advice)
        }
    }
}
