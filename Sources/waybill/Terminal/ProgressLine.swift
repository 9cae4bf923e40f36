/// One state of a ``ProgressBar`` as text.
struct ProgressLine: Sendable {
    let label: String
    let unit: String
    let done: Int
    let total: Int?
    let elapsed: Duration
    /// The end of the task: the time it took instead of the time that remains.
    let isLast: Bool

    private var seconds: Double { elapsed / .seconds(1) }
    private var rate: Double { seconds > 0 ? Double(done) / seconds : 0 }

    /// - Parameter width: columns of the terminal; with it the line gets a bar and is cut to fit. Nil for a line in a log.
    func text(width: Int?) -> String {
        var parts = ["\(label) \(Self.grouped(done))" + (total.map { "/" + Self.grouped($0) } ?? "") + " \(unit)"]
        if let total, total > 0 { parts.append("\(done * 100 / total)%") }
        parts.append("\(Self.grouped(Int(rate)))/s")
        if isLast {
            parts.append("in " + Self.clock(seconds))
        } else if let total, rate > 0, total > done {
            parts.append("ETA " + Self.clock(Double(total - done) / rate))
        }
        let words = parts.joined(separator: "  ")
        guard let width else { return words }
        // The last column stays free: some terminals wrap when it is written.
        let room = width - words.count - 4
        guard let total, total > 0, room >= 10 else { return String(words.prefix(max(0, width - 1))) }
        let bar = min(40, room)
        let filled = min(bar, bar * max(0, done) / total)
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: bar - filled) + "] " + words
    }

    /// 1234567 as 1,234,567.
    static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return number < 0 ? "-" + result : result
    }

    /// Seconds as `8s`, `3m05s` or `2h07m`; below ten seconds with a tenth.
    static func clock(_ seconds: Double) -> String {
        let limited = min(max(0, seconds), 359_999)
        if limited < 10 {
            let tenths = Int((limited * 10).rounded())
            return "\(tenths / 10).\(tenths % 10)s"
        }
        let whole = Int(limited.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m\(two(whole % 60))s" }
        return "\(whole / 3600)h\(two(whole % 3600 / 60))m"
    }
}
