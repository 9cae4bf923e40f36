/// What an examination of an engine (a database, a broker, a cache) found: a line of `waybill doctor`.
public struct EngineFinding: Sendable, Equatable {
    /// How bad it is.
    public enum Verdict: String, Sendable {
        case ok
        case warn
        case fail = "FAIL"
    }

    /// How bad it is.
    public let verdict: Verdict
    /// What was looked at: `postgresql orders`, `kafka`.
    public let name: String
    /// What was seen.
    public let words: String
    /// What to do about it; empty when all is well.
    public let advice: String

    public init(_ verdict: Verdict, _ name: String, _ words: String, advice: String = "") {
        (self.verdict, self.name, self.words, self.advice) = (verdict, name, words, advice)
    }
}
