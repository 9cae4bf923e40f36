import Benchmark

/// What the plugin's generated `main` registers.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(metrics: [.wallClock, .processCPU], warmupIterations: 3, maxDuration: .seconds(2))
    registerOverhead()
    registerJSON()
    registerMoney()
    registerIdentifiers()
    registerStateMachines()
    registerStorage()
    registerEvents()
}

/// What the loop and the black hole cost by themselves: the part of every other number of this size that is not the product's.
private func registerOverhead() {
    Benchmark("nothing: the loop itself", configuration: .init(scalingFactor: .mega)) { benchmark in
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(number) } }
    }
}
