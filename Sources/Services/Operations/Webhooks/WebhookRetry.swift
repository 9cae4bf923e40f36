import Web
import Wire

/// What becomes of a message after an attempt: a pure decision.
enum WebhookRetry {
    enum Verdict: Equatable {
        case delivered
        /// The endpoint says that it wants nothing any more (410).
        case gone
        /// Tried again after so long; the whole endpoint is left alone until then where it asked for that.
        case again(milliseconds: Int64, isHeld: Bool)
        case givenUp
    }

    /// How an attempt ended.
    enum Outcome: Equatable {
        case answered(status: Int64, retryAfterMilliseconds: Int64?)
        case unanswered
    }

    /// The waits before the retries, in seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 20 h, nearly three days in all (Standard Webhooks, "Retries").
    static let seconds: [Int64] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000]
    /// A message that is older than three days is given up when it has been tried so often: one that stood behind another of its order has its chance as well.
    static let ageMilliseconds: Int64 = 3 * 86_400_000
    static let leastTries = 3
    /// The longest that an endpoint is left alone because it asks for it.
    static let longestHold: Int64 = 86_400_000
    /// How long an endpoint may do nothing but fail before it is disabled.
    static let patienceMilliseconds: Int64 = 5 * 86_400_000

    /// - Parameters:
    ///   - tries: how often the message has been tried, this time included.
    ///   - isTest: whether it is one that is sent once.
    ///   - random: spreads the retries of what failed together.
    static func verdict(on outcome: Outcome, tries: Int64, createdAt: Timestamp, now: Timestamp, isTest: Bool, random: UInt64) -> Verdict {
        var hold: Int64?
        if case .answered(let status, let retryAfter) = outcome {
            if (200..<300).contains(status) { return .delivered }
            if status == 410 { return .gone }
            if status == 429 || status == 503 { hold = retryAfter.map { min(max(0, $0), longestHold) } }
        }
        let age = now.milliseconds - createdAt.milliseconds
        guard !isTest, tries >= 1, tries <= Int64(seconds.count), age < ageMilliseconds || tries < Int64(leastTries) else { return .givenUp }
        let longest = seconds[Int(tries) - 1] * 1000
        // Up to a tenth earlier, so that the last one is within three days.
        let delay = longest - Int64(random.multipliedFullWidth(by: UInt64(longest / 10) + 1).high)
        guard let hold else { return .again(milliseconds: delay, isHeld: false) }
        return .again(milliseconds: max(delay, hold), isHeld: true)
    }

    /// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or a moment. In milliseconds from now; nil for anything else.
    static func retryAfter(_ text: String, now: Timestamp) -> Int64? {
        if !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }) { return Int64(text).map { $0 * 1000 } }
        return moment(text).map { max(0, $0.milliseconds - now.milliseconds) }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    private static func moment(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", parts[1].utf8.count == 2, let month = months.firstIndex(of: String(parts[2])) else { return nil }
        return Timestamp("\(parts[3])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
