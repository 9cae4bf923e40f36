import Observability
import Testing

@Suite("Process metrics")
struct ProcessMetricsTests {
    @Test("shows plausible values under the usual names")
    func values() throws {
        let registry = PrometheusRegistry()
        ProcessMetrics.register(in: registry)
        let page = registry.render()
        var values: [String: Double] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("process_") {
            let parts = line.split(separator: " ")
            values[String(parts[0])] = Double(parts[1])
        }
        #expect(page.contains("# TYPE process_cpu_seconds_total counter\n"))
        #expect(try #require(values["process_cpu_seconds_total"]) > 0)
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_virtual_memory_bytes"]) >= ProcessMetrics.residentMemoryBytes())
        #expect((3...100_000).contains(try #require(values["process_open_fds"])))
        #expect(try #require(values["process_max_fds"]) >= 64)
        #expect(try #require(values["process_start_time_seconds"]) > 1_577_836_800)
    }

    @Test("counts CPU time finer than a clock tick")
    func resolution() {
        let before = ProcessMetrics.cpuSeconds()
        var sum = 0.0
        for index in 0..<200_000 { sum += Double(index).squareRoot() }
        #expect(sum > 0)
        let spent = ProcessMetrics.cpuSeconds() - before
        #expect(spent > 0)
    }
}
