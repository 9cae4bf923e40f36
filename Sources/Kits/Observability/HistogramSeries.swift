import CoreMetrics
import Synchronization

/// A distribution in fixed buckets. Recording is a short search and two atomic additions.
final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    /// Upper bounds for durations, in seconds: from a query of a millisecond to a provider's timeout.
    static let secondBounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Upper bounds for plain numbers, such as the size of a batch.
    static let countBounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

    let name: String
    let labels: String
    private let bounds: [Double]
    /// One per bound, the next for everything above; the rest unused.
    private let buckets = InlineArray<16, Atomic<Int>> { _ in Atomic(0) }
    private let nanoseconds = Atomic<Int64>(0)
    private let sum = AtomicDouble()

    /// - Parameter bounds: Ascending upper bounds; those beyond the 15th are left out.
    init(name: String, labels: String, bounds: [Double]) {
        self.name = name
        self.labels = labels
        self.bounds = Array(bounds.prefix(15))
    }

    /// Negative durations count as 0: they come from a clock that was set back.
    func recordNanoseconds(_ duration: Int64) {
        let duration = max(0, duration)
        count(Double(duration) / 1_000_000_000)
        nanoseconds.wrappingAdd(duration, ordering: .relaxed)
    }

    func record(_ value: Int64) { record(Double(value)) }

    /// Infinite values and NaN are ignored: they would make the sum useless for ever.
    func record(_ value: Double) {
        guard value.isFinite else { return }
        count(value)
        sum.add(value)
    }

    private func count(_ value: Double) {
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        buckets[index].wrappingAdd(1, ordering: .relaxed)
    }

    /// The count is the sum of the buckets as read here, so that a page never contradicts itself while others record.
    func write(labels: String, to page: inout PrometheusText) {
        let separator = labels.isEmpty ? "" : ","
        var total = 0
        for index in 0...bounds.count {
            total += buckets[index].load(ordering: .relaxed)
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            page.append(sample: name + "_bucket", labels: "\(labels)\(separator)le=\"\(bound)\"", value: Double(total))
        }
        page.append(sample: name + "_sum", labels: labels, value: Double(nanoseconds.load(ordering: .relaxed)) / 1_000_000_000 + sum.value)
        page.append(sample: name + "_count", labels: labels, value: Double(total))
    }
}
