/// What an examination found.
struct Finding: Sendable, Equatable {
    enum Verdict: String, Sendable {
        case ok
        case warn
        case fail = "FAIL"
    }

    let verdict: Verdict
    let name: String
    let words: String
    /// What to do about it; empty when all is well.
    var advice = ""

    static func ok(_ name: String, _ words: String) -> Finding { Finding(verdict: .ok, name: name, words: words) }
    static func warn(_ name: String, _ words: String, _ advice: String) -> Finding { Finding(verdict: .warn, name: name, words: words, advice: advice) }
    static func fail(_ name: String, _ words: String, _ advice: String) -> Finding { Finding(verdict: .fail, name: name, words: words, advice: advice) }
}
