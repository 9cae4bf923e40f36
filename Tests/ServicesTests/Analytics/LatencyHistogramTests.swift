import Messaging
import Testing

@testable import Analytics

@Suite struct LatencyHistogramTests {
    @Test func `Small durations are exact`() {
        for milliseconds in 0...255 as ClosedRange<Int64> {
            #expect(LatencyHistogram.middle(of: LatencyHistogram.bucket(of: milliseconds)) == milliseconds)
        }
    }

    @Test func `Every bucket follows the one before, without a gap`() {
        var last = LatencyHistogram.bucket(of: 0)
        for milliseconds in 1...100_000 as ClosedRange<Int64> {
            let bucket = LatencyHistogram.bucket(of: milliseconds)
            #expect(bucket == last || bucket == last + 1)
            last = bucket
        }
    }

    @Test func `No duration is off by more than one per cent`() {
        var random = RandomSource(seed: 7)
        for _ in 0..<20_000 {
            let milliseconds = Int64.random(in: 0...(1 << Int64.random(in: 1...62, using: &random)), using: &random)
            let shown = LatencyHistogram.middle(of: LatencyHistogram.bucket(of: milliseconds))
            #expect(abs(shown - milliseconds) <= milliseconds / 100, "\(milliseconds) is shown as \(shown)")
        }
    }

    @Test func `A clock that was set back counts as no time`() {
        #expect(LatencyHistogram.bucket(of: -5) == 0)
        #expect(LatencyHistogram.bucket(of: .min) == 0)
        #expect(LatencyHistogram.middle(of: LatencyHistogram.bucket(of: .max)) > .max / 100 * 99)
    }

    @Test func `Percentiles are those of the sorted durations`() {
        var random = RandomSource(seed: 3)
        for size in [1, 2, 3, 99, 100, 101, 1000] {
            let durations = (0..<size).map { _ in Int64.random(in: 0...30_000, using: &random) }.sorted()
            var histogram = LatencyHistogram()
            for duration in durations { histogram.add(1, toBucket: LatencyHistogram.bucket(of: duration)) }
            for perMille in [1, 500, 950, 990, 1000] as [Int64] {
                let exact = durations[max(0, (size * Int(perMille) + 999) / 1000 - 1)]
                #expect(abs((histogram.percentile(perMille: perMille) ?? -1) - exact) <= exact / 100)
            }
        }
        #expect(LatencyHistogram().percentile(perMille: 500) == nil)
    }

    @Test func `What is taken away is gone`() {
        var histogram = LatencyHistogram()
        histogram.add(2, toBucket: 5)
        histogram.add(-2, toBucket: 5)
        #expect(histogram == LatencyHistogram())
    }
}
