/// Looks at the settings that are in force: whether they are any, and whether they go together.
struct ExamineSettings: Sendable {
    let settings: Settings
    let environment: [String: String]

    func callAsFunction() -> [Finding] {
        let mistakes = settings.allMistakes()
        let source = settings.path ?? "no file"
        var findings = mistakes.map { Finding.fail("configuration", $0, "waybill config shows what is set, and where.") }
        if mistakes.isEmpty { findings.append(.ok("configuration", "\(source): \(summary)")) }
        return findings + settings.remarks(environment: environment).map { .warn("configuration", $0, "") }
    }

    /// What kind of platform it is, in a line.
    private var summary: String {
        let services = settings.list("services").joined(separator: ", ")
        return "services \(services); storage \(settings.text("storage") ?? ""); broker \(settings.text("broker") ?? ""); cache \(settings.text("cache") ?? "")"
    }
}
