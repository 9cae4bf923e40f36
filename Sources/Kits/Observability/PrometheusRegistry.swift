import CoreMetrics
import Synchronization

/// A swift-metrics back end that keeps every metric in memory and renders them as Prometheus text (exposition format 0.0.4).
///
/// | swift-metrics | Prometheus |
/// | --- | --- |
/// | `Counter`, `FloatingPointCounter` | counter, its name ends in `_total` |
/// | `Meter`, `Gauge` | gauge |
/// | `Recorder` | histogram |
/// | `Timer` | histogram in seconds, its name ends in `_seconds` |
///
/// Recording touches atomics only. Making a handler takes a lock and builds strings, so a hot path makes its handlers once.
///
/// A metric has at most ``seriesLimit`` label sets: a label that takes a user's value would otherwise grow without end. Further ones share
/// the series `{overflow="true"}`, which keeps sums right. Two kinds of metric under one name would make the whole page invalid: the second
/// kind is recorded nowhere, and `metrics_registry_conflicts_total` counts it.
public final class PrometheusRegistry: MetricsFactory {
    /// The most label sets that one metric may have.
    public static let seriesLimit = 1_000
    /// The value of the `Content-Type` header of a rendered page.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct State {
        var families: [String: MetricFamily] = [:]
        var help: [String: String] = [:]
        var conflicts = 0
    }

    private let state = Mutex(State())

    /// Makes an empty registry. Nothing is global: `MetricsSystem.bootstrap` decides which registry the process uses.
    public init() {}

    /// Sets the HELP text of a metric, which the swift-metrics API has no place for. Without it the name in words is shown.
    ///
    /// - Parameters:
    ///   - name: The rendered name, with its suffix (`orders_placed_total`).
    ///   - help: One sentence.
    public func describe(_ name: String, help: String) {
        state.withLock { $0.help[MetricName.sanitized(name)] = help }
    }

    /// Registers a gauge that is read when the page is rendered. The same name and labels again replace the earlier reading.
    ///
    /// - Parameters:
    ///   - name: The rendered name.
    ///   - help: The HELP text.
    ///   - labels: Label names and values.
    ///   - read: Gives the value. It runs on the scraping task: it must be quick, and must not render the registry.
    public func registerGauge(name: String, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double) {
        register(.gauge, name: MetricName.sanitized(name), help: help, labels: labels, read: read)
    }

    /// Registers a counter that is read when the page is rendered, for totals that somebody else keeps.
    ///
    /// - Parameters:
    ///   - name: The name; `_total` is added where it is missing.
    ///   - help: The HELP text.
    ///   - labels: Label names and values.
    ///   - read: Gives the total, which must never fall. It must be quick, and must not render the registry.
    public func registerCounter(name: String, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double) {
        register(.counter, name: MetricName.counter(name), help: help, labels: labels, read: read)
    }

    /// Renders all metrics, families by name and series by labels, so that two pages can be compared.
    public func render() -> String {
        let (families, help, conflicts) = state.withLock { (Array($0.families.values), $0.help, $0.conflicts) }
        var page = PrometheusText()
        for family in families.sorted(by: { $0.name < $1.name }) where !family.series.isEmpty {
            page.begin(family: family.name, kind: family.kind, help: help[family.name] ?? MetricName.words(family.name))
            for (labels, entry) in family.series.sorted(by: { $0.key < $1.key }) { entry.series.write(labels: labels, to: &page) }
        }
        page.begin(family: Self.conflictsName, kind: .counter, help: "Metrics refused because their name belongs to another kind of metric.")
        page.append(sample: Self.conflictsName, labels: "", value: Double(conflicts))
        return page.text
    }

    private static let conflictsName = "metrics_registry_conflicts_total"

    private func register(_ kind: MetricKind, name: String, help: String, labels: [(String, String)], read: @escaping @Sendable () -> Double) {
        state.withLock { state in
            let series = ComputedSeries(name: name, labels: MetricName.labels(labels), read: read)
            guard state.families[name, default: MetricFamily(name: name, kind: kind)].replace(with: series, kind: kind) else {
                state.conflicts += 1
                return
            }
            state.help[name] = help
        }
    }

    private func series<Series: MetricSeries>(_ kind: MetricKind, name: String, labels: String, make: (String, String) -> Series) -> Series {
        state.withLock { state in
            let found = state.families[name, default: MetricFamily(name: name, kind: kind)].series(labels: labels, kind: kind) { make(name, $0) }
            if let series = found as? Series { return series }
            state.conflicts += 1
            return make(name, labels)
        }
    }

    private func release(_ handler: AnyObject) {
        guard let series = handler as? any MetricSeries else { return }
        state.withLock { $0.families[series.name]?.release(series) }
    }
}

// MARK: - MetricsFactory

extension PrometheusRegistry {
    /// The counter of this name and these labels; the same object each time.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, name: MetricName.counter(label), labels: MetricName.labels(dimensions), make: CounterSeries.init)
    }

    /// As ``makeCounter(label:dimensions:)``; whole and fractional increments add up.
    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(.counter, name: MetricName.counter(label), labels: MetricName.labels(dimensions), make: CounterSeries.init)
    }

    /// The gauge of this name and these labels.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(.gauge, name: MetricName.sanitized(label), labels: MetricName.labels(dimensions), make: GaugeSeries.init)
    }

    /// A histogram of plain numbers, or a gauge if nothing is to be aggregated.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let name = MetricName.sanitized(label)
        guard aggregate else { return series(.gauge, name: name, labels: MetricName.labels(dimensions), make: GaugeSeries.init) }
        return series(.histogram, name: name, labels: MetricName.histogramLabels(dimensions)) {
            HistogramSeries(name: $0, labels: $1, bounds: HistogramSeries.countBounds)
        }
    }

    /// A histogram of durations in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.histogram, name: MetricName.timer(label), labels: MetricName.histogramLabels(dimensions)) {
            HistogramSeries(name: $0, labels: $1, bounds: HistogramSeries.secondBounds)
        }
    }

    /// Forgets the series once everybody who asked for it has destroyed it.
    public func destroyCounter(_ handler: any CounterHandler) { release(handler) }
    /// As ``destroyCounter(_:)``.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { release(handler) }
    /// As ``destroyCounter(_:)``.
    public func destroyMeter(_ handler: any MeterHandler) { release(handler) }
    /// As ``destroyCounter(_:)``.
    public func destroyRecorder(_ handler: any RecorderHandler) { release(handler) }
    /// As ``destroyCounter(_:)``.
    public func destroyTimer(_ handler: any TimerHandler) { release(handler) }
}
