/// Finds what somebody meant who mistyped a name.
enum NearestKey {
    /// The candidate with the fewest changes; nil when even that is another word.
    static func of(_ text: String, among candidates: [String]) -> String? {
        let text = String(text.prefix(100))
        let best = candidates.map { ($0, distance(text, $0)) }.min { $0.1 < $1.1 }
        guard let (candidate, changes) = best, changes <= max(2, text.count / 3) else { return nil }
        return candidate
    }

    /// How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment).
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { cost = min(cost, beforeLast[j - 2] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
