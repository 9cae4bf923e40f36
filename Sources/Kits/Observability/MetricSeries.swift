import CoreMetrics
import Synchronization

/// The values of one metric under one set of labels.
protocol MetricSeries: AnyObject, Sendable {
    /// The family's name.
    var name: String { get }
    /// The rendered labels without braces, empty for none.
    var labels: String { get }
    /// Appends the sample lines.
    func write(labels: String, to page: inout PrometheusText)
}

/// A total. Whole and fractional parts are kept apart, because adding to an integer is one instruction and counters are hot.
final class CounterSeries: MetricSeries, CounterHandler, FloatingPointCounterHandler {
    let name: String
    let labels: String
    private let whole = Atomic<Int64>(0)
    private let fraction = AtomicDouble()

    init(name: String, labels: String) {
        self.name = name
        self.labels = labels
    }

    /// Negative amounts are ignored: a counter that falls reads as a restart.
    func increment(by amount: Int64) {
        if amount > 0 { whole.wrappingAdd(amount, ordering: .relaxed) }
    }

    func increment(by amount: Double) {
        if amount > 0, amount.isFinite { fraction.add(amount) }
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        fraction.value = 0
    }

    func write(labels: String, to page: inout PrometheusText) {
        page.append(sample: name, labels: labels, value: Double(whole.load(ordering: .relaxed)) + fraction.value)
    }
}

/// A value that goes up and down.
final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
    let name: String
    let labels: String
    private let current = AtomicDouble()

    init(name: String, labels: String) {
        self.name = name
        self.labels = labels
    }

    func set(_ value: Int64) { current.value = Double(value) }
    func set(_ value: Double) { current.value = value }
    func increment(by amount: Double) { if amount.isFinite { current.add(amount) } }
    func decrement(by amount: Double) { if amount.isFinite { current.add(-amount) } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    func write(labels: String, to page: inout PrometheusText) {
        page.append(sample: name, labels: labels, value: current.value)
    }
}

/// A value that is read when the page is rendered.
final class ComputedSeries: MetricSeries {
    let name: String
    let labels: String
    private let read: @Sendable () -> Double

    init(name: String, labels: String, read: @escaping @Sendable () -> Double) {
        self.name = name
        self.labels = labels
        self.read = read
    }

    func write(labels: String, to page: inout PrometheusText) {
        page.append(sample: name, labels: labels, value: read())
    }
}

/// A Double that several threads may change, kept as its bit pattern.
struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double {
        get { Double(bitPattern: bits.load(ordering: .relaxed)) }
        nonmutating set { bits.store(newValue.bitPattern, ordering: .relaxed) }
    }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: old) + amount
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: sum.bitPattern, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
