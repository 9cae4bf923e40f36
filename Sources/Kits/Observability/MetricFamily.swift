/// What Prometheus calls the type of a metric.
enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// All series of one name. A value; the registry's lock guards it.
struct MetricFamily: Sendable {
    /// A series and how many handlers were handed out for it.
    struct Entry: Sendable {
        let series: any MetricSeries
        var holders: Int
    }

    /// The labels of the series that stands for all beyond the limit.
    static let overflowLabels = #"overflow="true""#

    let name: String
    let kind: MetricKind
    private(set) var series: [String: Entry] = [:]

    init(name: String, kind: MetricKind) {
        self.name = name
        self.kind = kind
    }

    /// The series of these labels, made if need be, or `nil` if the name belongs to another kind.
    mutating func series(labels: String, kind wanted: MetricKind, make: (String) -> any MetricSeries) -> (any MetricSeries)? {
        guard kind == wanted else { return nil }
        let key = key(for: labels)
        var entry = series[key] ?? Entry(series: make(key), holders: 0)
        entry.holders += 1
        series[key] = entry
        return entry.series
    }

    /// Puts a computed series in the place of an earlier one.
    ///
    /// - Returns: `false` if the name belongs to another kind, or there is no room: the values of computed series cannot be added up.
    mutating func replace(with new: any MetricSeries, kind wanted: MetricKind) -> Bool {
        guard kind == wanted, key(for: new.labels) == new.labels else { return false }
        series[new.labels] = Entry(series: new, holders: 1)
        return true
    }

    /// Gives one handler back; the last one takes the series with it. The overflow series stays, since it is many.
    mutating func release(_ released: any MetricSeries) {
        guard var entry = series[released.labels], entry.series === released, released.labels != Self.overflowLabels else { return }
        entry.holders -= 1
        series[released.labels] = entry.holders > 0 ? entry : nil
    }

    private func key(for labels: String) -> String {
        series[labels] == nil && series.count >= PrometheusRegistry.seriesLimit ? Self.overflowLabels : labels
    }
}
