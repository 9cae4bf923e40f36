import Benchmark
import Foundation

extension BenchmarkMetric {
    /// CPU time of the whole process, user and system, in nanoseconds.
    ///
    /// The built-in `cpuTotal` comes from `/proc/self/stat` and counts whole scheduler ticks of 10 ms, longer than most of what is measured here. CPU time
    /// is what stays comparable on a machine that others use at the same time.
    static var processCPU: BenchmarkMetric { .custom("CPU time (ns)") }
}

extension Benchmark {
    /// Measures what the closure does and nothing before or after it.
    func measure(_ body: () throws -> Void) rethrows {
        startMeasurement()
        let start = processCPUNanoseconds()
        try body()
        let end = processCPUNanoseconds()
        stopMeasurement()
        measurement(.processCPU, end - start)
    }

    /// The same for work that other threads do while this one waits.
    func measureAsync(_ body: () async throws -> Void) async rethrows {
        startMeasurement()
        let start = processCPUNanoseconds()
        try await body()
        let end = processCPUNanoseconds()
        stopMeasurement()
        measurement(.processCPU, end - start)
    }
}

private func processCPUNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
